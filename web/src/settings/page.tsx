// `/settings`: API keys, webhooks, dead letters.

import { may } from '../api/session'
import { texts } from '../texts'
import { Icon, type IconName } from '../ui/icon'
import { Empty } from '../ui/kit'
import { useTitle } from '../ui/page'
import { ApiKeys } from './api-keys'
import { DeadLetters } from './dead-letters'
import { Webhooks } from './webhooks'
import './settings.css'

const t = texts.settings

interface Section {
  id: string
  label: string
  icon: IconName
  content: () => preact.JSX.Element
}

function sections(): Section[] {
  const all: (Section | false)[] = [
    may('keys') && { id: 'api-keys', label: t.apiKeys.title, icon: 'key', content: () => <ApiKeys /> },
    may('webhooks') && { id: 'webhooks', label: t.webhooks.title, icon: 'webhook', content: () => <Webhooks /> },
    may('admin') && { id: 'dead-letters', label: t.deadLetters.title, icon: 'letter', content: () => <DeadLetters /> },
  ]
  return all.filter((it): it is Section => it !== false)
}

export default function Settings({ section }: { section: string }) {
  const all = sections()
  const now = all.find((it) => it.id === section) ?? (section === 'api-keys' ? all[0] : undefined)
  useTitle(now ? `${now.label} \u00b7 ${t.title}` : t.title)
  return (
    <main id="main" class="page" tabIndex={-1}>
      <h1>{t.title}</h1>
      {all.length === 0 ? (
        <Empty icon="settings" title={t.nothing} />
      ) : (
        <div class="settings">
          <nav aria-label={t.title}>
            {all.map(({ id, label, icon }) => (
              <a key={id} href={`/settings/${id}`} aria-current={id === now?.id ? 'page' : undefined}>
                <Icon name={icon} />
                {label}
              </a>
            ))}
          </nav>
          <div class="stack wide-gap">{now ? now.content() : <Empty icon="settings" title={texts.notFound} />}</div>
        </div>
      )}
    </main>
  )
}
