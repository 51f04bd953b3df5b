// The field for a language tag (BCP 47).

import type { Signal } from '@preact/signals'
import { Field } from '../ui/kit'

export const LanguageField = ({ label, hint, language }: { label: string; hint: string; language: Signal<string> }) => (
  <Field label={label} hint={hint}>
    <input
      class="input"
      required
      maxLength={35}
      pattern="[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*"
      value={language.value}
      onInput={(event) => (language.value = event.currentTarget.value)}
    />
  </Field>
)
