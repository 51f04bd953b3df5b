// Short messages at the bottom of the page, some with a way back.

import { signal } from '@preact/signals'
import { sentence } from '../api/problem'
import { texts } from '../texts'
import { Button } from './kit'

interface Toast {
  id: number
  text: string
  isBad: boolean
  action?: { label: string; run: () => void }
}

const toasts = signal<Toast[]>([])
let count = 0

interface Options {
  isBad?: boolean
  seconds?: number
  action?: { label: string; run: () => void }
}

/** Shows a message; returns a function that removes it. */
export function toast(text: string, { isBad = false, seconds = isBad ? 9 : 5, action }: Options = {}): () => void {
  count += 1
  const id = count
  const remove = () => (toasts.value = toasts.value.filter((it) => it.id !== id))
  const withAction = action && {
    label: action.label,
    run() {
      remove()
      action.run()
    },
  }
  toasts.value = [...toasts.value.slice(-3), { id, text, isBad, ...(withAction ? { action: withAction } : {}) }]
  setTimeout(remove, seconds * 1000)
  return remove
}

/** Shows why a request failed. */
export const toastError = (error: unknown): void => void toast(sentence(error), { isBad: true })

/** Runs a request, and shows why it failed. Returns whether it succeeded. */
export async function attempt(request: Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await request
    if (done) toast(done)
    return true
  } catch (error) {
    toastError(error)
    return false
  }
}

export const Toasts = () => (
  <div class="toasts" role="status">
    {toasts.value.map(({ id, text, isBad, action }) => (
      <div class={`toast ${isBad ? 'bad' : ''}`} key={id}>
        <span class="grow">{text}</span>
        {action && <Button onClick={action.run}>{action.label}</Button>}
        <Button kind="plain" icon="close" iconOnly onClick={() => (toasts.value = toasts.value.filter((it) => it.id !== id))}>
          {texts.close}
        </Button>
      </div>
    ))}
  </div>
)
