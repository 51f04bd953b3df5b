// Small components that several pages use.

import type { ButtonHTMLAttributes, ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { texts } from '../texts'
import { Icon, type IconName } from './icon'

interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'icon' | 'size'> {
  icon?: IconName
  kind?: 'primary' | 'danger' | 'plain'
  size?: 'small'
  /** Shows the icon only; the children are its name. */
  iconOnly?: boolean
  children?: ComponentChildren
}

export function Button({ icon, kind, size, iconOnly, children, class: more, ...rest }: ButtonProps) {
  const names = ['button', kind, size, iconOnly && 'icon-only', more].filter(Boolean).join(' ')
  const label = typeof children === 'string' ? children : undefined
  return (
    <button type="button" class={names} title={iconOnly ? label : undefined} {...rest}>
      {icon && <Icon name={icon} />}
      {iconOnly ? <span class="visually-hidden">{children}</span> : children}
    </button>
  )
}

export function Notice({ kind, icon, children }: { kind?: 'danger' | 'warn' | 'good'; icon?: IconName; children: ComponentChildren }) {
  return (
    <div class={`notice ${kind ?? ''}`} role={kind === 'danger' ? 'alert' : undefined}>
      <Icon name={icon ?? (kind === 'danger' || kind === 'warn' ? 'alert' : kind === 'good' ? 'check' : 'info')} />
      <div class="grow">{children}</div>
    </div>
  )
}

/** A page or a list without content. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  )
}

export function Field({ label, hint, children }: { label: string; hint?: string; children: ComponentChildren }) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
      {hint && <span class="muted small">{hint}</span>}
    </label>
  )
}

interface DialogProps {
  title: string
  children: ComponentChildren
  onClose: () => void
  /** Keeps the dialog open: it has no way out but its buttons. */
  isRequired?: boolean
  isWide?: boolean
}

export function Dialog({ title, children, onClose, isRequired, isWide }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    dialog.current?.showModal()
    return () => before?.focus?.()
  }, [])
  return (
    <dialog
      ref={dialog}
      class={isWide ? 'wide' : ''}
      aria-label={title}
      onCancel={(event) => isRequired && event.preventDefault()}
      onClose={() => (isRequired ? dialog.current?.showModal() : onClose())}
      onClick={(event) => event.target === dialog.current && !isRequired && dialog.current?.close()}
    >
      <div class="dialog">
        <h2>{title}</h2>
        {children}
      </div>
    </dialog>
  )
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, text, action, onConfirm, onClose }: { title: string; text: string; action: string; onConfirm: () => void; onClose: () => void }) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <div class="actions">
        <Button onClick={onClose}>{texts.cancel}</Button>
        <Button
          kind="danger"
          onClick={() => {
            onConfirm()
            onClose()
          }}
        >
          {action}
        </Button>
      </div>
    </Dialog>
  )
}
