import { listProcesses, rssBytes, withDescendants } from './process-table.js'

const SAMPLE_MS = 500

/** Watches programs and all they start: which processes there were, and the most memory they held. */
export class RssSampler {
  /** pid → start of every process that was ever seen under a watched one. */
  readonly seen = new Map<number, number>()
  private readonly pids = new Map<string, number[]>()
  private readonly peaks = new Map<string, number>()
  private peakOfAll = 0
  private timer: NodeJS.Timeout | undefined

  /** Programs may share a name; their memory is added up under it. */
  watch(name: string, pid: number): void {
    this.pids.set(name, [...(this.pids.get(name) ?? []), pid])
    // Sampling keeps nobody alive.
    this.timer ??= setInterval(() => this.sample(), SAMPLE_MS).unref()
  }

  /** Pages that processes share are counted once for each: the true figure is a little lower. */
  sample(): void {
    const rows = listProcesses()
    let all = 0
    for (const [name, pids] of this.pids) {
      const family = withDescendants(rows, new Set(pids))
      family.forEach((row) => this.seen.set(row.pid, row.startTicks))
      const bytes = family.reduce((sum, row) => sum + rssBytes(row.pid), 0)
      this.peaks.set(name, Math.max(bytes, this.peaks.get(name) ?? 0))
      all += bytes
    }
    this.peakOfAll = Math.max(all, this.peakOfAll)
  }

  /** Of one name, or of everything at the same moment. 0 when nothing was seen. */
  peakBytes(name?: string): number {
    return name === undefined ? this.peakOfAll : (this.peaks.get(name) ?? 0)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }
}
