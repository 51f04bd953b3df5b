// The app starts here.

import { render } from 'preact'
import { App } from './app'
import { refreshSession } from './api/session'
import { route } from './router'
import { applyTheme, theme } from './ui/page'
import './ui/tokens.css'
import './ui/base.css'
import './ui/shell.css'

applyTheme(theme.value)
const place = document.getElementById('app')
if (place) render(<App />, place)
// Share links and pages with a grant need no account.
const isOpen = route.value.page === 'shared' || (route.value.page === 'embed' && location.hash.includes('grant='))
if (!isOpen) void refreshSession()
