// Things that every page does.

import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { texts } from '../texts'

/** Gives the page its title. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} \u00b7 ${texts.product}` : texts.product
  }, [title])
}

type Theme = 'system' | 'light' | 'dark'
const KEY = 'edgereel.theme'

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system'
  }
}

export const theme = signal<Theme>(stored())

export function applyTheme(value: Theme): void {
  theme.value = value
  if (value === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = value
  try {
    localStorage.setItem(KEY, value)
  } catch {
    // Storage is off: the theme lasts as long as the page.
  }
}

/** Runs a function every `seconds`, and once at the start, while the page is visible. */
export function useEvery(seconds: number, run: () => void): void {
  const latest = useRef(run)
  latest.current = run
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && latest.current(), seconds * 1000)
    return () => clearInterval(timer)
  }, [seconds])
}
