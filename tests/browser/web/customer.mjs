// The site of a customer that uses `<edgereel-player>`, with a backend that signs grants.

import { createServer } from 'node:http'

/** Starts it on its own origin. `grant`: returns the grant for the next request of the page. */
export async function startCustomer({ info: { api, edge } }, video, grant) {
  const files = {
    '/': [
      'text/html',
      () => `<!doctype html><meta charset="utf-8"><title>A customer</title>
<edgereel-player video="${video}" edge="${edge}"></edgereel-player>
<script src="/page.js"></script>
<script type="module" src="${api}/assets/edgereel-player.js"></script>`,
    ],
    '/page.js': [
      'text/javascript',
      () => `const player = document.querySelector('edgereel-player')
player.addEventListener('grant', ({ detail }) => {
  detail.provide(fetch('/grant').then((it) => (it.ok ? it.text() : Promise.reject(it.status))))
})`,
    ],
    '/grant': ['text/plain', grant],
    '/favicon.ico': ['image/x-icon', () => ''],
  }
  const policy = [
    "default-src 'none'",
    `script-src 'self' ${api}`,
    `connect-src 'self' ${edge}`,
    'media-src blob:',
    `img-src ${edge}`,
  ]
  const server = createServer((request, response) => {
    const [type, content] = files[request.url] ?? []
    const headers = { 'content-type': type ?? 'text/plain' }
    headers['content-security-policy'] = policy.join('; ')
    response.writeHead(content ? 200 : 404, headers)
    response.end(content?.() ?? '')
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const address = `http://127.0.0.1:${server.address().port}/`
  return { address, close: () => server.closeAllConnections() ?? server.close() }
}
