// Part of the Dockerfile: prints the licence texts of all packages in the web app.

import { readFile, readdir } from 'node:fs/promises'

const lock = JSON.parse(await readFile('package-lock.json', 'utf8'))
for (const [path, it] of Object.entries(lock.packages)) {
  if (path === '' || it.dev || it.devOptional || it.optional) continue
  const texts = (await readdir(path)).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
  console.log(`==== ${path.replace(/^.*node_modules\//, '')} ${it.version}: ${it.license}\n`)
  for (const name of texts) console.log(await readFile(`${path}/${name}`, 'utf8'))
}
