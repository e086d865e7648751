/** Work that is done again and again: rounds of one instance do not overlap, and shutting down waits for the one under way. */
export class RepeatedRound {
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined
  private hasEnded = false

  constructor(
    private readonly everyMs: number,
    private readonly work: () => Promise<void>,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** Asked for between the parts of a long round. */
  get isStopping(): boolean {
    return this.hasEnded
  }

  begin(): void {
    this.timer = setInterval(() => {
      // Of one that takes longer the failure is told once.
      if (this.running === undefined) void this.round().catch(this.onFailure)
    }, this.everyMs)
    this.timer.unref()
  }

  async end(): Promise<void> {
    this.hasEnded = true
    clearInterval(this.timer)
    await this.running?.catch(() => undefined)
  }

  /** One round now, or the one under way. */
  round(): Promise<void> {
    this.running ??= this.work().finally(() => {
      this.running = undefined
    })
    return this.running
  }
}
