// The pages of the web app, in the words of its users. Selectors are roles and names, as people and
// screen readers know them; classes only where a part has neither.

/** `/upload` */
export class UploadPage {
  constructor(page) {
    this.page = page
  }

  add(...files) {
    return this.page.getByLabel('Choose files').setInputFiles(files)
  }

  card(title) {
    return this.page.locator('.upload', {
      has: this.page.locator(`.upload-title[value="${title}"]`),
    })
  }

  /** Title and state of each upload, the newest first. */
  cards() {
    return this.page.locator('.upload').evaluateAll((all) =>
      all.map((card) => ({
        title: card.querySelector('.upload-title').value,
        state: card.querySelector('.upload-line, .upload-body > p')?.textContent ?? '',
        isSent: card.querySelector('[title="Remove from the list"]') !== null,
        mayWatch: card.querySelector('a[href^="/watch/"]') !== null,
      })),
    )
  }

  press(number, name) {
    return this.page
      .locator('.upload')
      .nth(number)
      .getByRole('button', { name, exact: true })
      .click()
  }

  async rename(number, title) {
    await this.page.locator('.upload-title').nth(number).fill(title)
    await this.page.keyboard.press('Enter')
  }
}

/** `/` */
export class LibraryPage {
  constructor(page) {
    this.page = page
  }

  titles() {
    return this.page.locator('.video-title').allTextContents()
  }

  async count() {
    return Number((await this.page.locator('.library-count').textContent()).replaceAll(',', ''))
  }

  search(text) {
    return this.page.getByLabel('Search titles').fill(text)
  }

  filter(name) {
    return this.page.getByRole('button', { name, exact: true }).click()
  }

  select(title) {
    return this.page
      .getByRole('checkbox', { name: `Select ${title}`, exact: true })
      .first()
      .click()
  }

  act(name) {
    return this.page
      .getByRole('region', { name: 'Selected videos' })
      .getByRole('button', { name })
      .click()
  }

  undo() {
    return this.page.getByRole('button', { name: 'Undo' }).click()
  }

  /** Whether the screen is full of videos: above and below the visible part, the list goes on. */
  isFilled() {
    return this.page.evaluate(() => {
      const boxes = [...document.querySelectorAll('.video-card, .video-row:not(.head)')].map((it) =>
        it.getBoundingClientRect(),
      )
      return (
        Math.min(...boxes.map((it) => it.top)) < innerHeight &&
        Math.max(...boxes.map((it) => it.bottom)) >= innerHeight
      )
    })
  }
}

/** The player on any page. */
export class PlayerPart {
  constructor(page) {
    this.page = page
    this.element = page.locator('edgereel-player')
  }

  start() {
    return this.element.locator('.start').click()
  }

  /** Position, measurements, and what the viewer reads over the video. */
  now() {
    return this.element.evaluate((player) => ({
      time: player.currentTime,
      duration: player.duration,
      paused: player.paused,
      notice: player.shadowRoot?.querySelector('.notice')?.textContent ?? null,
      ...player.stats,
    }))
  }

  seek(time) {
    return this.element.evaluate((player, time) => (player.currentTime = time), time)
  }

  /** The frame on the screen as a few numbers: two frames of a moving picture differ. */
  pixels() {
    return this.element.evaluate(({ media }) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 16, height: 9 })
      const context = canvas.getContext('2d')
      context.drawImage(media, 0, 0, 16, 9)
      return [...context.getImageData(0, 0, 16, 9).data]
    })
  }

  async choose(menu, choice) {
    await this.element.getByRole('button', { name: 'Settings' }).click()
    await this.element.getByRole('menuitem', { name: menu }).click()
    await this.element.getByRole('menuitemradio', { name: choice }).first().click()
  }

  /** Moves the pointer over the scrub bar; returns whether a preview is there. */
  async preview(part) {
    const box = await this.element.locator('.scrubber').boundingBox()
    await this.page.mouse.move(box.x + box.width * part, box.y + box.height / 2)
    return this.element.locator('.preview .tile img').isVisible()
  }
}

/** `/convert` */
export class ConvertPage {
  constructor(page) {
    this.page = page
  }

  select(key) {
    return this.page.getByRole('checkbox', { name: `Select ${key}` }).click()
  }

  estimate() {
    return this.page.getByRole('region', { name: 'Estimate' }).textContent()
  }

  convert() {
    return this.page.getByRole('button', { name: /^Convert \d/ }).click()
  }
}

/** The sign-in form, as a page or above the page whose session has ended. */
export async function signIn(page, token) {
  await page.getByLabel('API key').fill(token)
  await page.getByRole('button', { name: 'Sign in with the key' }).click()
}
