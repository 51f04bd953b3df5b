// `/convert`: objects of the private bucket that are not videos yet.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { type BucketObject, client, data } from '../api/client'
import { subscribe } from '../api/live'
import { sentence } from '../api/problem'
import { known, may } from '../api/session'
import { bytes, count, date, dollars, duration } from '../format'
import { texts } from '../texts'
import { Icon } from '../ui/icon'
import { Button, Empty, Field, Notice } from '../ui/kit'
import { useTitle } from '../ui/page'
import { csv, estimate, unreadable } from './plan'
import { Progress } from './progress'
import { convert, follow, followByAsking, isRunning, lines, reportLines, stop } from './run'
import './convert.css'

const t = texts.convert

/** One page of objects; more on request. */
function useObjects(prefix: string) {
  const objects = useSignal<BucketObject[]>([])
  const next = useSignal<string | null | undefined>(undefined)
  const state = useSignal<'loading' | 'there' | { error: unknown }>('loading')
  const load = async (cursor?: string) => {
    try {
      const query = { limit: 200, ...(prefix ? { prefix } : {}), ...(cursor ? { cursor } : {}) }
      const page = await data(client.GET('/v1/objects', { params: { query } }))
      objects.value = cursor ? [...objects.value, ...page.objects] : page.objects
      next.value = page.next_cursor
      state.value = 'there'
    } catch (error) {
      state.value = { error }
    }
  }
  useEffect(() => {
    const timer = setTimeout(() => void load(), prefix ? 250 : 0)
    return () => clearTimeout(timer)
  }, [prefix])
  return { objects, next, state, load }
}

export default function Convert() {
  useTitle(t.title)
  const prefix = useSignal('')
  const { objects, next, state, load } = useObjects(prefix.value)
  const chosen = useSignal<ReadonlySet<string>>(new Set())
  const mode = useSignal<'abr' | 'copy'>('abr')
  const profile = useSignal('')
  useEffect(() => {
    // While another page was open, no change came here.
    void followByAsking()
    return subscribe(follow, () => void followByAsking())
  }, [])
  if (!may('admin')) {
    return (
      <main id="main" tabIndex={-1}>
        <Empty icon="convert" title={t.notAllowed} />
      </main>
    )
  }
  const readable = objects.value.filter((it) => !unreadable(it))
  const others = objects.value.filter((it) => unreadable(it))
  const picked = readable.filter((it) => chosen.value.has(it.key))
  // A listing of a bucket has no content types.
  const hasTypes = readable.some((it) => it.content_type)
  const isAll = readable.length > 0 && picked.length === readable.length
  const toggle = (key: string) => {
    const all = new Set(chosen.value)
    if (!all.delete(key)) all.add(key)
    chosen.value = all
  }
  const begin = () => {
    void convert(picked, { mode: mode.value, profile: profile.value })
    chosen.value = new Set()
  }
  return (
    <main id="main" class="page" tabIndex={-1}>
      <div class="stack">
        <h1>{t.title}</h1>
        <p class="muted">{t.note}</p>
      </div>
      {lines.value.length > 0 && <Progress lines={lines.value} isRunning={isRunning.value} onStop={stop} onReport={saveReport} />}
      <div class="toolbar">
        <div class="search">
          <Icon name="folder" />
          <input class="input" type="search" placeholder={t.prefix} aria-label={t.prefix} value={prefix.value} onInput={(event) => (prefix.value = event.currentTarget.value)} />
        </div>
      </div>
      {typeof state.value === 'object' && <Notice kind="danger">{sentence(state.value.error)}</Notice>}
      {state.value === 'there' && objects.value.length === 0 && (
        <Empty icon="folder" title={t.none}>
          <p>{t.noneNote}</p>
        </Empty>
      )}
      {readable.length > 0 && (
        <section class="card objects">
          <div class="scroll-x" tabIndex={0} role="region" aria-label={t.objects}>
            <table class="table">
              <thead>
                <tr>
                  <th>
                    <input
                      type="checkbox"
                      aria-label={t.selectAll}
                      checked={isAll}
                      ref={(box) => void (box && (box.indeterminate = picked.length > 0 && !isAll))}
                      onChange={() => (chosen.value = new Set(isAll ? [] : readable.map((it) => it.key)))}
                    />
                  </th>
                  <th>{t.key}</th>
                  {hasTypes && <th class="wide">{t.type}</th>}
                  <th class="end">{t.size}</th>
                  <th class="wide">{t.modified}</th>
                </tr>
              </thead>
              <tbody class="number">
                {readable.map((it) => (
                  <tr key={it.key}>
                    <td>
                      <input type="checkbox" aria-label={t.select(it.key)} checked={chosen.value.has(it.key)} onChange={() => toggle(it.key)} />
                    </td>
                    <td class="wrap-anywhere" dir="auto">
                      {it.key}
                    </td>
                    {hasTypes && <td class="muted wide">{it.content_type ?? t.unknownType}</td>}
                    <td class="end">{bytes(it.size)}</td>
                    <td class="wide">{date(it.modified_at)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {next.value && <Button onClick={() => void load(next.value ?? undefined)}>{texts.more}</Button>}
        </section>
      )}
      {others.length > 0 && (
        <details class="card">
          <summary>{t.others(others.length)}</summary>
          <ul class="lines">
            {others.map((it) => (
              <li key={it.key} class="row">
                <span class="grow wrap-anywhere" dir="auto">
                  {it.key}
                </span>
                <span class="muted small">{unreadable(it)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {picked.length > 0 && (
        <div class="selection" role="region" aria-label={t.estimate}>
          <EstimateText objects={picked} mode={mode.value} />
          <span class="grow" />
          <Choices mode={mode} profile={profile} />
          <Button kind="primary" icon="convert" onClick={begin}>
            {t.convert(picked.length)}
          </Button>
        </div>
      )}
    </main>
  )
}

function EstimateText({ objects, mode }: { objects: BucketObject[]; mode: 'abr' | 'copy' }) {
  const all = estimate(objects, mode)
  return (
    <div role="status" class="number">
      <strong>{t.selected(all.objects, bytes(all.bytes))}</strong>
      <div class="muted small">{t.estimated(count(Math.max(1, all.minutes)), duration(all.cpuSeconds), dollars(all.usd))}</div>
    </div>
  )
}

function Choices({ mode, profile }: { mode: { value: 'abr' | 'copy' }; profile: { value: string } }) {
  const profiles = known()?.profiles ?? []
  return (
    <div class="row choices">
      <Field label={t.mode}>
        <select class="input" value={mode.value} onChange={(event) => (mode.value = event.currentTarget.value as 'abr' | 'copy')}>
          <option value="abr">{texts.video.modes.abr}</option>
          <option value="copy">{texts.video.modes.copy}</option>
        </select>
      </Field>
      {profiles.length > 1 && (
        <Field label={texts.upload.profile}>
          <select class="input" value={profile.value} onChange={(event) => (profile.value = event.currentTarget.value)}>
            <option value="">{texts.upload.usual}</option>
            {profiles.map((it) => (
              <option key={it}>{it}</option>
            ))}
          </select>
        </Field>
      )}
    </div>
  )
}

function saveReport(): void {
  const url = URL.createObjectURL(new Blob([csv(reportLines())], { type: 'text/csv' }))
  const link = document.createElement('a')
  link.href = url
  link.download = 'conversion.csv'
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
