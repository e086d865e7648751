import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 50
const LOG_TAIL_LINES = 5

/** How to start one long-running program and how to end it. */
export interface ProcessRecipe {
  /** What people call it, in messages: `postgresql`, `broker`. */
  readonly name: string
  /** Program and arguments. Never a secret: everybody on the machine can read them. */
  readonly command: readonly string[]
  /** Receives both output streams; created with mode 0600, appended to when it exists. */
  readonly logFile: string
  /** The whole environment of the program. Default: that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly workingFolder?: string
  /** Asked again and again until it says yes. Without it, a program that was spawned counts as ready. */
  readonly isReady?: () => Promise<boolean>
  /** Default 20,000. */
  readonly readyTimeoutMs?: number
  /** How it is asked to end. Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals
  /** How long it may take to end by itself before SIGKILL. Default 5,000. */
  readonly stopGraceMs?: number
}

/** A program did not start, or ended before it was ready. The caller turns this into a refusal of its own. */
export class ProcessFailure extends Error {
  override readonly name = 'ProcessFailure'
  constructor(
    readonly processName: string,
    readonly why: string,
    /** The last lines the program wrote. */
    readonly logTail: readonly string[],
    options?: ErrorOptions,
  ) {
    super([`${processName}: ${why}`, ...logTail.slice(-1)].join(': '), options)
  }
}

/** One program in a process group of its own, so that Ctrl-C in the terminal reaches us and not it. */
export class ManagedProcess {
  private readonly child: ChildProcess
  /** Resolves, never rejects, with a few words on how it ended. */
  readonly ended: Promise<string>
  private endedAs: string | undefined
  private stopping: Promise<void> | undefined

  private constructor(readonly recipe: ProcessRecipe) {
    const [program, ...args] = recipe.command
    if (program === undefined) throw new Error(`${recipe.name}: empty command`)
    const log = openSync(recipe.logFile, 'a', 0o600)
    try {
      this.child = spawn(program, args, {
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...(recipe.environment ?? process.env) },
        ...(recipe.workingFolder === undefined ? {} : { cwd: recipe.workingFolder }),
      })
    } finally {
      closeSync(log)
    }
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => resolve(`could not be started (${error.message})`))
      this.child.once('exit', (code, signal) =>
        resolve(signal === null ? `ended with code ${code}` : `ended by ${signal}`),
      )
    })
    void this.ended.then((how) => (this.endedAs = how))
  }

  /** Starts the program and returns at once. */
  static spawn(recipe: ProcessRecipe): ManagedProcess {
    return new ManagedProcess(recipe)
  }

  /**
   * Starts the program and waits until it is ready.
   * @throws ProcessFailure when it ends first or takes longer than `readyTimeoutMs`; it is stopped then.
   */
  static async start(recipe: ProcessRecipe): Promise<ManagedProcess> {
    const started = ManagedProcess.spawn(recipe)
    await started.waitUntilReady()
    return started
  }

  /** Undefined when the program could not be started. */
  get pid(): number | undefined {
    return this.child.pid
  }

  get isRunning(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null
  }

  /** See `start`. */
  async waitUntilReady(): Promise<void> {
    const limitMs = this.recipe.readyTimeoutMs ?? 20_000
    const isReady = this.recipe.isReady ?? (() => Promise.resolve(true))
    const startedMs = performance.now()
    // One turn of the event loop, so that a program that is missing is noticed.
    await sleep(1)
    for (;;) {
      if (this.endedAs !== undefined) throw new ProcessFailure(this.recipe.name, this.endedAs, this.logTail())
      if (await isReady()) return
      if (performance.now() - startedMs > limitMs) {
        await this.stop()
        throw new ProcessFailure(this.recipe.name, `not ready after ${limitMs} ms`, this.logTail())
      }
      await Promise.race([sleep(POLL_MS), this.ended])
    }
  }

  /** Asks it to end, waits for the grace, then kills its whole group. Safe to repeat. */
  stop(): Promise<void> {
    this.stopping ??= this.endNow()
    return this.stopping
  }

  /** For exit handlers, which cannot wait. */
  killGroup(): void {
    if (this.child.pid === undefined) return
    try {
      process.kill(-this.child.pid, 'SIGKILL')
    } catch (error) {
      // ESRCH: nobody of the group is left, which is what was wanted.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  /** The last lines of its log. */
  logTail(lines = LOG_TAIL_LINES): string[] {
    return readFileSync(this.recipe.logFile, 'utf8').trimEnd().split('\n').slice(-lines)
  }

  private async endNow(): Promise<void> {
    if (this.isRunning) {
      this.child.kill(this.recipe.stopSignal ?? 'SIGTERM')
      const graceMs = this.recipe.stopGraceMs ?? 5_000
      const cancel = new AbortController()
      await Promise.race([this.ended, sleep(graceMs, undefined, { signal: cancel.signal }).catch(() => undefined)])
      cancel.abort()
    }
    // The leader may be gone while a child of it is not; a group outlives its leader.
    this.killGroup()
    await this.ended
  }
}
