// The table of docs/compatibility.md.

const [BEGIN, END] = ['<!-- measured: begin -->', '<!-- measured: end -->']

const NAMES = { 'mpeg-ts': 'TS', fmp4: 'fMP4', h264: 'H.264', hevc: 'HEVC', av1: 'AV1', none: 'none' }

const PLAYERS = ['hls.js', 'Shaka Player', 'video.js']

const line = (fields) => `| ${fields.join(' | ')} |`

/** A row of the table. */
export const row = (of) => line(cells(of))

const cells = ({ combination: it, findings, decode, players }) => [
  NAMES[it.container],
  NAMES[it.codec],
  it.encrypted ? 'AES-128' : 'none',
  it.captions,
  it.audio,
  findings.length === 0 ? 'clean' : findings.join(', '),
  decode,
  ...PLAYERS.map((player) => players[player]),
]

/** The page with a new table. */
export function page(text, rows, versions, decodable) {
  const head = ['container', 'video', 'encryption', 'captions', 'audio', '`edgereel check`', 'FFmpeg', ...PLAYERS]
  const without = Object.entries(decodable).filter(([, it]) => !it)
  const missing = without.map(([codec]) => NAMES[codec]).join(' and ')
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const table = [
    `Versions: ${list.join(', ')}.`,
    ...(without.length > 0 ? ['', `This Chromium cannot decode ${missing} (\`MediaSource.isTypeSupported\` says so).`] : []),
    '',
    line(head),
    `|${'---|'.repeat(head.length)}`,
    ...rows.map(row),
  ]
  const [before, rest] = text.split(BEGIN)
  const after = rest.split(END)[1]
  return `${before}${BEGIN}\n\n${table.join('\n')}\n\n${END}${after}`
}
