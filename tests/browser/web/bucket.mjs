// Puts objects into the embedded store, signed with AWS Signature Version 4.

import { createHash, createHmac } from 'node:crypto'

const sha256 = (data) => createHash('sha256').update(data).digest('hex')
const hmac = (key, data) => createHmac('sha256', key).update(data).digest()

/** Copies an object into the private bucket. `s3`: as in `dev.json`. */
export async function putObject(s3, key, body, type) {
  const url = new URL(`${s3.endpoint}/${s3.private_bucket}/${encodeURI(key)}`)
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const scope = `${time.slice(0, 8)}/auto/s3/aws4_request`
  const hash = sha256(body)
  const names = 'host;x-amz-content-sha256;x-amz-date'
  const lines = [`host:${url.host}`, `x-amz-content-sha256:${hash}`, `x-amz-date:${time}`, '']
  const canonical = ['PUT', url.pathname, '', ...lines, names, hash].join('\n')
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')
  let secret = `AWS4${s3.secret_access_key}`
  for (const part of scope.split('/')) secret = hmac(secret, part)
  const signature = createHmac('sha256', secret).update(text).digest('hex')
  const credential = `Credential=${s3.access_key_id}/${scope}`
  const fields = [credential, `SignedHeaders=${names}`, `Signature=${signature}`]
  const response = await fetch(url, {
    method: 'PUT',
    body,
    headers: {
      authorization: `AWS4-HMAC-SHA256 ${fields.join(', ')}`,
      'x-amz-content-sha256': hash,
      'x-amz-date': time,
      'content-type': type,
    },
  })
  if (!response.ok)
    throw new Error(`the bucket responded with ${response.status}: ${await response.text()}`)
}
