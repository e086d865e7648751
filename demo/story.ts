/** Tells the run line by line; on a terminal a bar shows how far a long step is. */
export class Story {
  private readonly startedMs = performance.now()
  private barShown = false

  constructor(private readonly output: NodeJS.WriteStream = process.stdout) {}

  get seconds(): number {
    return Math.round((performance.now() - this.startedMs) / 100) / 10
  }

  chapter(title: string): void {
    this.line(`\n${title}`)
  }

  tell(text: string): void {
    this.line(`  ${String(this.seconds.toFixed(1)).padStart(6)} s  ${text}`)
  }

  refused(name: string, by: string, code: string): void {
    this.tell(`${name.padEnd(46)} refused by ${by}: ${code}`)
  }

  /** Overwrites itself on a terminal; elsewhere only the end is printed by `tell`. */
  progress(done: number, total: number, what: string): void {
    if (!this.output.isTTY) return
    const width = 32
    const filled = total === 0 ? width : Math.round((width * done) / total)
    this.output.write(
      `\r           [${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${done}/${total} ${what}\x1b[K`,
    )
    this.barShown = true
  }

  private line(text: string): void {
    if (this.barShown) this.output.write('\r\x1b[K')
    this.barShown = false
    this.output.write(`${text}\n`)
  }
}
