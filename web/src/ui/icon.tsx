// The icons of the app, as lines on a grid of 24.

const PATHS = {
  library: 'M4 5h6v6H4zM14 5h6v6h-6zM4 15h6v4H4zM14 15h6v4h-6z',
  upload: 'M12 16V4m0 0L7 9m5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3',
  download: 'M12 4v12m0 0 5-5m-5 5-5-5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3',
  convert: 'M4 8h12l-3-3m3 3-3 3M20 16H8l3 3m-3-3 3-3',
  settings: 'M4 7h10m4 0h2M4 17h2m4 0h10M16 5v4M8 15v4',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zm5-2 4 4',
  grid: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  table: 'M4 6h16M4 12h16M4 18h16',
  check: 'M5 12.5l4.500 4.500L19 7',
  close: 'M6 6l12 12M18 6 6 18',
  trash: 'M5 7h14M10 7V4h4v3m3 0-1 13H8L7 7m3 4v5m4-5v5',
  retry: 'M20 11a8 8 0 1 0-2.300 6.300M20 5v6h-6',
  play: 'M8 5.500v13l11-6.500z',
  pause: 'M8 5v14M16 5v14',
  alert: 'M12 8v5m0 3v.01M12 3 2.500 20h19z',
  info: 'M12 11v6m0-9v.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z',
  link: 'M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3A4 4 0 0 0 11 18.700l1-1',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  more: 'M6 12v.01M12 12v.01M18 12v.01',
  image: 'M4 5h16v14H4zM4 16l5-5 4 4 2-2 5 5M15.500 9.500v.01',
  film: 'M4 5h16v14H4zM8 5v14M16 5v14M4 10h4m8 0h4M4 14h4m8 0h4',
  key: 'M8 19a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm3-7 8-8m-3 3 3 3m-6 0 2 2',
  webhook: 'M12 8a3 3 0 1 0-2.600-4.500M10.500 8 7 14m0 0a3 3 0 1 0 2.800 4H16m-2.500-10 3.500 6a3 3 0 1 1-1.500 5.600',
  letter: 'M4 6h16v12H4zM4 7l8 6 8-6',
  theme: 'M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2m0 16v2M4.900 4.900l1.400 1.400m11.400 11.400 1.400 1.400M2 12h2m16 0h2M4.900 19.100l1.400-1.400M17.700 6.300l1.400-1.400',
  out: 'M14 4H5v16h9M10 12h10m0 0-4-4m4 4-4 4',
  left: 'M15 5l-7 7 7 7',
  folder: 'M3 6h7l2 2h9v11H3z',
} as const

export type IconName = keyof typeof PATHS

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
)
