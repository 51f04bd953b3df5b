// The sheet of keys.

import { useEffect, useRef } from 'preact/hooks'
import { player as texts } from '../texts'
import { Icon } from './icons'

export function Help({ onClose }: { onClose: () => void }) {
  const close = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    const root = close.current?.getRootNode() as ShadowRoot | undefined
    const before = root?.activeElement as HTMLElement | null
    close.current?.focus()
    return () => before?.focus()
  }, [])
  return (
    <div class="sheet" role="dialog" aria-modal="true" aria-label={texts.keyboard}>
      <div class="sheet-head">
        <h2>{texts.keyboard}</h2>
        <button type="button" class="control" ref={close} aria-label={texts.close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <dl>
        {texts.keys.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
