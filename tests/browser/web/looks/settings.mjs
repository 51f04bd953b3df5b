// The states of `/settings`.

export const settings = {
  async 'settings-keys'({ page, api, server, take, name }) {
    if (name === 'light') {
      for (const [key, scopes] of [
        ['Backend', ['upload', 'read', 'play']],
        ['Review tool', ['read', 'play']],
      ]) {
        await server.call('POST', '/v1/api-keys', { name: key, scopes, owner: 'studio' })
      }
    }
    await page.goto(`${api}/settings`)
    await page
      .getByRole('cell', { name: 'Review tool' })
      .or(page.getByText('Review tool'))
      .first()
      .waitFor()
    await take()
    await page.getByRole('button', { name: 'Create a key' }).first().click()
    await page.getByRole('dialog').getByLabel('Name').waitFor()
    await take('settings-key-new')
    await page.keyboard.press('Escape')
  },
  async 'settings-webhooks'({ page, api, server, take, name }) {
    if (name === 'light') {
      const hook = { url: 'http://127.0.0.1:9/hooks/edgereel', description: 'Search index' }
      const { id } = await server.call('POST', '/v1/webhooks', hook)
      await server.call('POST', `/v1/webhooks/${id}/test`)
    }
    await page.goto(`${api}/settings/webhooks`)
    await page.getByRole('button', { name: 'Show the delivery log' }).first().click()
    await page.getByRole('cell', { name: /test/ }).first().waitFor()
    await take()
  },
  async 'settings-dead-letters'({ page, api, take }) {
    await page.goto(`${api}/settings/dead-letters`)
    await page.getByRole('heading', { level: 2 }).first().waitFor()
    await take()
  },
}
