// npm run api:fetch: writes the OpenAPI document of a running `edgereel dev` to src/api/openapi.json.

import { readFile, writeFile } from 'node:fs/promises'

const file = process.env.EDGEREEL_DEV_JSON ?? '../.edgereel/dev.json'
const { api } = JSON.parse(await readFile(file, 'utf8'))
const response = await fetch(`${api}/openapi.json`)
if (!response.ok) throw new Error(`${api}/openapi.json responded with ${response.status}`)
// As it was sent: JavaScript would write 9.0 as 9.
await writeFile('src/api/openapi.json', (await response.text()) + '\n')
