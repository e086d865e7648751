import { sizeText } from './quantity-text.js'
import type { Terminal } from './terminal.js'

const WIDTH = 30

/** `████████░░░░` for a part of a whole. */
export function barText(part: number, whole: number, width = WIDTH): string {
  const filled = whole <= 0 ? 0 : Math.min(width, Math.floor((part / whole) * width))
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`
}

/** Shows how far a transfer came, on standard error when it is a terminal. */
export class ProgressBar {
  private doneBytes = 0
  private shownPercent = -1
  constructor(
    private readonly terminal: Terminal,
    private readonly label: string,
    private readonly totalBytes: number,
  ) {}

  add(bytes: number): void {
    this.moveTo(this.doneBytes + bytes)
  }

  /** To where a transfer goes on; that may be further back than was shown. */
  moveTo(bytes: number): void {
    this.doneBytes = bytes
    const percent = this.totalBytes <= 0 ? 100 : Math.min(100, Math.floor((this.doneBytes / this.totalBytes) * 100))
    if (percent === this.shownPercent) return
    this.shownPercent = percent
    const bar = barText(this.doneBytes, this.totalBytes)
    this.terminal.status(`${this.label} ${bar} ${percent} % of ${sizeText(this.totalBytes)}`)
  }

  end(): void {
    this.terminal.status('')
  }
}
