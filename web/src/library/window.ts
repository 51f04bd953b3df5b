// Which rows of a long list are on the screen.

export interface Layout {
  count: number
  columns: number
  rowHeight: number
  /** Distance from the top of the list to the top of the screen. */
  scrolled: number
  viewport: number
}

export interface Visible {
  /** The first item, and the one after the last. */
  first: number
  end: number
  /** Height of the rows above the first item. */
  top: number
  /** Height of all rows. */
  height: number
}

/** The rows on the screen, and as many more above and below. */
export function visible({ count, columns, rowHeight, scrolled, viewport }: Layout): Visible {
  const rows = Math.ceil(count / columns)
  const spare = Math.max(2, Math.ceil(viewport / rowHeight))
  const firstRow = Math.max(0, Math.min(rows, Math.floor(scrolled / rowHeight) - spare))
  const endRow = Math.max(firstRow, Math.min(rows, Math.ceil((scrolled + viewport) / rowHeight) + spare))
  return { first: firstRow * columns, end: Math.min(count, endRow * columns), top: firstRow * rowHeight, height: rows * rowHeight }
}

/** How many columns of a least width fit. */
export const columnsOf = (width: number, least: number, gap: number): number => Math.max(1, Math.floor((width + gap) / (least + gap)))

/** Whether the next page should load: before the reader comes to the end of the videos that are there. */
export const isNearEnd = ({ count, columns, rowHeight, scrolled, viewport }: Layout): boolean =>
  Math.ceil(count / columns) * rowHeight - (scrolled + viewport) < viewport * 3
