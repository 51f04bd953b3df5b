// The frame around the pages: navigation, session, and the page of the address.

import { useSignal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { may, refreshSession, session, signOut } from './api/session'
import { replace, route } from './router'
import type { Route } from './routes'
import { SignInForm } from './sign-in/form'
import { texts } from './texts'
import { Button, Dialog, Empty } from './ui/kit'
import { applyTheme, theme, useTitle } from './ui/page'
import { attempt, Toasts } from './ui/toast'

type Page = ComponentType<Record<string, never>>
// Each page is a file of its own.
const PAGES: Partial<Record<Route['page'], () => Promise<unknown>>> = {
  library: () => import('./library/page').then((it) => it.default),
  upload: () => import('./upload/page').then((it) => it.default),
  convert: () => import('./convert/page').then((it) => it.default),
  settings: () => import('./settings/page').then((it) => it.default),
  video: () => import('./video/page').then((it) => it.default),
  watch: () => import('./watch/pages').then((it) => it.default),
  embed: () => import('./watch/pages').then((it) => it.Embed),
  shared: () => import('./watch/pages').then((it) => it.Shared),
}

/** The component of the current page, once its file is loaded. */
function CurrentPage({ now }: { now: Route }) {
  const shown = useSignal<{ page: string; component: Page } | undefined>(undefined)
  const hasFailed = useSignal(false)
  const load = () => {
    hasFailed.value = false
    PAGES[now.page]?.().then(
      (component) => (shown.value = { page: now.page, component: component as Page }),
      () => (hasFailed.value = true),
    )
  }
  useEffect(load, [now.page])
  // Screen readers and the keyboard start at the new page.
  useEffect(() => {
    if (document.activeElement === document.body) return
    document.getElementById('main')?.focus({ preventScroll: true })
  }, [now.page, shown.value?.page])
  if (now.page === 'sign-in') return <ToLibrary />
  if (now.page === 'not-found') return <NotFound />
  if (hasFailed.value) {
    return (
      <main id="main">
        <Empty icon="alert" title={texts.pageFailed}>
          <Button onClick={load}>{texts.tryAgain}</Button>
        </Empty>
      </main>
    )
  }
  if (shown.value?.page !== now.page) return <main id="main" class="page" aria-busy="true" />
  const { page: _, ...properties } = now
  const Component = shown.value.component as ComponentType<Record<string, string>>
  return <Component {...properties} />
}

/** `/sign-in` once the browser is signed in. */
function ToLibrary() {
  useEffect(() => replace('/'), [])
  return <main id="main" class="page" aria-busy="true" />
}

function NotFound() {
  useTitle(texts.notFound)
  return (
    <main id="main">
      <h1 class="visually-hidden">{texts.notFound}</h1>
      <Empty icon="film" title={texts.notFound}>
        <a class="button" href="/">
          {texts.toLibrary}
        </a>
      </Empty>
    </main>
  )
}

export function App() {
  const now = route.value
  const state = session.value
  const isBare = now.page === 'embed' || now.page === 'shared'
  if (isBare) return <CurrentPage now={now} />
  if (state.kind === 'loading') return <div aria-busy="true" />
  if (state.kind === 'unreachable') return <Unreachable />
  if (state.kind === 'signed-out' && !state.expired) return <SignInPage />
  return (
    <>
      <a class="button skip" href="#main">
        {texts.skip}
      </a>
      <TopBar now={now} />
      <CurrentPage now={now} />
      {state.kind === 'signed-out' && (
        <Dialog title={texts.signIn.expired} onClose={() => {}} isRequired>
          <p>{texts.signIn.expiredNote}</p>
          <SignInForm methods={state.methods} inNewTab />
        </Dialog>
      )}
      <Toasts />
    </>
  )
}

interface Entry {
  page: Route['page']
  path: string
  label: string
}

/** What the caller's scopes do not allow is not offered. */
function entries(): Entry[] {
  const all: (Entry | false)[] = [
    may('read') && { page: 'library', path: '/', label: texts.nav.library },
    may('upload') && { page: 'upload', path: '/upload', label: texts.nav.upload },
    may('admin') && { page: 'convert', path: '/convert', label: texts.nav.convert },
    (may('keys') || may('webhooks') || may('admin')) && { page: 'settings', path: '/settings', label: texts.nav.settings },
  ]
  return all.filter((it): it is Entry => it !== false)
}

function TopBar({ now }: { now: Route }) {
  const isDark = theme.value === 'dark' || (theme.value === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  return (
    <header class="topbar">
      <div>
        <a class="brand" href="/">
          <img src="/icon.svg" alt="" width="30" height="30" />
          {texts.product}
        </a>
        <nav aria-label={texts.nav.label}>
          {entries().map(({ page, path, label }) => (
            <a key={page} href={path} aria-current={now.page === page ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <Button kind="plain" iconOnly icon={isDark ? 'sun' : 'theme'} onClick={() => applyTheme(isDark ? 'light' : 'dark')}>
          {isDark ? texts.light : texts.dark}
        </Button>
        <Button kind="plain" iconOnly icon="out" onClick={() => void attempt(signOut())}>
          {texts.signOut}
        </Button>
      </div>
    </header>
  )
}

function SignInPage() {
  const state = session.value
  useTitle(texts.signIn.title)
  return (
    <main id="main" class="sign-in">
      <div class="brand">
        <img src="/icon.svg" alt="" width="42" height="42" />
        {texts.product}
      </div>
      <div class="card stack">
        <h1>{texts.signIn.title}</h1>
        <SignInForm methods={state.kind === 'signed-out' ? state.methods : []} inNewTab={false} />
      </div>
    </main>
  )
}

function Unreachable() {
  useTitle(texts.unreachable)
  useEffect(() => {
    const timer = setInterval(() => void refreshSession(), 3000)
    return () => clearInterval(timer)
  }, [])
  return (
    <main id="main">
      <Empty icon="alert" title={texts.unreachable}>
        <p>{texts.problems.advice.offline}</p>
      </Empty>
    </main>
  )
}
