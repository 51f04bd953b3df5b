// The combinations of docs/compatibility.md.

export const CONTAINERS = ['mpeg-ts', 'fmp4']
export const CODECS = ['h264', 'hevc', 'av1', 'none']
export const CAPTIONS = ['none', 'two languages']
export const AUDIO = ['none', 'stereo', 'two tracks', '5.1']

/** Whether a video can be so: newer codecs need fragmented MP4, and something has to be there. */
const exists = ({ container, codec, audio }) =>
  (container === 'fmp4' || codec === 'h264' || codec === 'none') && (codec !== 'none' || audio !== 'none')

/** A name for lists and directories. */
export const name = (it) =>
  [it.container, it.codec, it.encrypted ? 'encrypted' : 'clear', `captions ${it.captions}`, `audio ${it.audio}`].join(', ')

const FACTORS = ['container', 'codec', 'encrypted', 'captions', 'audio']

const pairs = (it) =>
  FACTORS.flatMap((one, at) => FACTORS.slice(at + 1).map((other) => `${one}=${it[one]} ${other}=${it[other]}`))

/** Every combination that exists. */
function all() {
  const every = []
  for (const container of CONTAINERS)
    for (const codec of CODECS)
      for (const encrypted of [false, true])
        for (const captions of CAPTIONS)
          for (const audio of AUDIO) every.push({ container, codec, encrypted, captions, audio })
  return every.filter(exists)
}

/** One row for each container, codec and encryption, and as many more as it takes for each pair of values of two factors. */
export function combinations() {
  const every = all()
  const missing = new Set(every.flatMap(pairs))
  const chosen = []
  const gain = (it) => pairs(it).filter((pair) => missing.has(pair)).length
  const take = (from) => {
    const best = from.reduce((one, other) => (gain(other) > gain(one) ? other : one))
    chosen.push(best)
    pairs(best).forEach((pair) => missing.delete(pair))
  }
  const product = (it) => `${it.container} ${it.codec} ${it.encrypted}`
  for (const of of new Set(every.map(product))) take(every.filter((it) => product(it) === of))
  while (missing.size > 0) take(every)
  return chosen
}

/** Some of them, for a test of a minute: each value of each factor occurs. */
export function few() {
  const missing = new Set()
  const values = (it) => FACTORS.map((factor) => `${factor}=${it[factor]}`)
  const every = combinations()
  every.flatMap(values).forEach((it) => missing.add(it))
  const chosen = []
  while (missing.size > 0) {
    const gain = (it) => values(it).filter((value) => missing.has(value)).length
    const best = every.reduce((one, other) => (gain(other) > gain(one) ? other : one))
    chosen.push(best)
    values(best).forEach((value) => missing.delete(value))
  }
  return chosen
}
