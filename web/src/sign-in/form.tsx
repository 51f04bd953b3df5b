// Sign in: with the identity provider, or with an API key.

import { useSignal } from '@preact/signals'
import type { SignInMethod } from '../api/client'
import { sentence } from '../api/problem'
import { signIn } from '../api/session'
import { texts } from '../texts'
import { Button, Field, Notice } from '../ui/kit'

const t = texts.signIn

/** The page to which the provider's page leads back. */
const provider = (): string => `/sign-in/oidc?to=${encodeURIComponent(location.pathname.startsWith('/sign-in') ? '/' : location.pathname)}`

/** Why the last sign-in failed: `/sign-in?problem=expired`. */
function failure(): string | undefined {
  const code = new URLSearchParams(location.search).get('problem') as keyof typeof t.problems | null
  return code !== null && Object.hasOwn(t.problems, code) ? t.problems[code] : undefined
}

interface Props {
  methods: SignInMethod[]
  /** The page keeps its state: the provider opens in another tab. */
  inNewTab: boolean
}

export function SignInForm({ methods, inNewTab }: Props) {
  const token = useSignal('')
  const problem = useSignal<string | undefined>(failure())
  const isBusy = useSignal(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    isBusy.value = true
    problem.value = undefined
    try {
      await signIn(token.value.trim())
    } catch (error) {
      problem.value = sentence(error)
    }
    isBusy.value = false
  }
  const hasProvider = methods.includes('oidc')
  return (
    <form class="sign-in-form" onSubmit={submit}>
      {hasProvider && (
        <>
          <a class="button primary" href={inNewTab ? '/sign-in/oidc' : provider()} target={inNewTab ? '_blank' : '_self'}>
            {t.withProvider}
          </a>
          <p class="or">{t.or}</p>
        </>
      )}
      <Field label={t.apiKey} hint={t.hint}>
        <input
          class="input mono"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={token.value}
          onInput={(event) => (token.value = event.currentTarget.value)}
        />
      </Field>
      {problem.value && <Notice kind="danger">{problem.value}</Notice>}
      <Button type="submit" {...(hasProvider ? {} : { kind: 'primary' as const })} disabled={isBusy.value}>
        {isBusy.value ? t.busy : t.submit}
      </Button>
    </form>
  )
}
