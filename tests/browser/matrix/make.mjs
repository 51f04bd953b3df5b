// Makes the video of a combination: a source by FFmpeg, and HLS of it by `edgereel transcode`.

import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Duration of the sources, seconds: two segments. */
export const SECONDS = 7

const CUES = (text) => `WEBVTT\n\n00:00.200 --> 00:01.200\n${text} one\n\n00:01.500 --> 00:02.800\n${text} two\n`

/** What the source has, as inputs and options of FFmpeg. */
async function source({ codec, captions, audio }, folder) {
  const [inputs, options] = [[], []]
  const add = (input, ...more) => {
    options.push('-map', String(inputs.length), ...more)
    inputs.push(input)
  }
  const filter = (graph) => ['-f', 'lavfi', '-i', graph]
  if (codec !== 'none') add(filter(`testsrc2=size=320x180:rate=25:duration=${SECONDS}`), '-c:v', 'libx264', '-preset', 'ultrafast')
  const tone = (hertz) => filter(`sine=frequency=${hertz}:sample_rate=48000:duration=${SECONDS}`)
  if (audio === 'stereo') add(tone(440), '-ac', '2')
  if (audio === 'two tracks') {
    add(tone(440), '-metadata:s:a:0', 'language=eng')
    add(tone(660), '-ac', '2', '-metadata:s:a:1', 'language=deu')
  }
  if (audio === '5.1') {
    const channels = [300, 400, 500, 60, 600, 700].map((hertz) => `sin(${hertz}*2*PI*t)/8`).join('|')
    add(filter(`aevalsrc=exprs=${channels}:channel_layout=5.1:sample_rate=48000:duration=${SECONDS}`))
  }
  if (audio !== 'none') options.push('-c:a', 'aac')
  if (captions !== 'none') {
    for (const [at, [language, text]] of [['eng', 'English'], ['deu', 'Deutsch']].entries()) {
      const file = join(folder, `${language}.vtt`)
      await writeFile(file, CUES(text))
      add(['-i', file], `-metadata:s:s:${at}`, `language=${language}`)
    }
    options.push('-c:s', 'srt')
  }
  return [...inputs.flat(), ...options]
}

/** The profile: a rung of H.264, which every profile has, and one of the codec. */
function profile({ container, codec, audio }) {
  const rung = (name, of, kbps) =>
    `[[rung]]\nname = "${name}"\ncodec = "${of}"\nwidth = 320\nheight = 180\nvideo_kbps = ${kbps}\naudio_kbps = 96\n`
  const newer = codec === 'hevc' || codec === 'av1' ? rung(`180p-${codec}`, codec, 150) : ''
  return `name = "matrix"
segment_format = "${container}"
thumbnails = 1
[encoder]
preset = "ultrafast"
[hevc]
preset = "ultrafast"
[av1]
preset = 13
[source_rung]
enabled = false
[surround]
enabled = ${audio === '5.1'}
${rung('180p', 'h264', 200)}${newer}`
}

/** Makes HLS in a directory, and returns the directory of the master playlist. */
export async function make(combination, folder, edgereel, ffmpeg) {
  await mkdir(folder, { recursive: true })
  const [film, toml, out] = ['film.mkv', 'matrix.toml', 'out'].map((it) => join(folder, it))
  await run(ffmpeg, ['-v', 'error', '-y', ...(await source(combination, folder)), '-f', 'matroska', film])
  await writeFile(toml, profile(combination))
  const encrypt = combination.encrypted ? ['--encrypt'] : []
  await run(edgereel, ['transcode', film, '--profile', toml, '--out', out, '--json', ...encrypt])
  return join(out, 'hls')
}

/** The rules that `edgereel check` finds violated; `device` rules are about devices, not about this output. */
export async function check(folder, edgereel) {
  const checked = await run(edgereel, ['check', join(folder, 'master.m3u8'), '--json']).catch((error) => error)
  const report = JSON.parse(checked.stdout.trim().split('\n').pop())
  if (report.error) throw new Error(report.error.message)
  const found = report.findings.filter((it) => it.level !== 'device').map((it) => it.rule)
  return { findings: [...new Set(found)].sort(), devices: [...new Set(report.findings.filter((it) => it.level === 'device').map((it) => it.rule))].sort() }
}

/** Decodes every rendition with FFmpeg, and returns its first complaint; '': none. */
export async function decode(url, ffmpeg) {
  const input = ['-v', 'warning', '-xerror', '-i', url]
  const decoded = await run(ffmpeg, [...input, '-map', '0:v?', '-map', '0:a?', '-f', 'null', '-']).catch((error) => error)
  // FFmpeg does not read the captions of HLS by default, and warns of them and of playlists that it opens again.
  const ignored = /Can't support the subtitle|Skip \(|keepalive request/
  const said = String(decoded.stderr).split('\n').filter((it) => it && !ignored.test(it))
  return said[0] ?? (decoded.code ? `exit code ${decoded.code}` : '')
}
