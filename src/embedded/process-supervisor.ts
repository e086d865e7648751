import { randomUUID } from 'node:crypto'
import { ManagedProcess, ProcessFailure, type ProcessRecipe } from './managed-process.js'
import { hasEnvironment, listProcesses, type ProcessRow } from './process-table.js'
import { RssSampler } from './rss-sampler.js'

const RUN_VARIABLE = 'COUNTERSIGN_RUN'
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** Anything that has to be ended with the run: a process, a server of this process, a temporary folder. */
export interface Stoppable {
  stop(): Promise<void>
}

/** Starts a program and waits until it is ready. */
export type Launch = (recipe: ProcessRecipe) => Promise<ManagedProcess>

/** Owns everything one run starts, and ends it in reverse order, however the run ends. */
export class ProcessSupervisor {
  private readonly runId = randomUUID()
  private readonly owned: Stoppable[] = []
  private readonly processes: ManagedProcess[] = []
  private readonly sampler = new RssSampler()
  private stopping: Promise<void> | undefined

  /** A program is owned from its first moment: Ctrl-C while it is getting ready ends it too. */
  readonly launch: Launch = async (recipe) => {
    if (this.stopping !== undefined) throw new Error(`${recipe.name}: the run is being ended`)
    const environment = { ...(recipe.environment ?? process.env), [RUN_VARIABLE]: this.runId }
    const started = ManagedProcess.spawn({ ...recipe, environment })
    this.processes.push(started)
    this.own(started)
    if (started.pid !== undefined) this.sampler.watch(recipe.name, started.pid)
    await started.waitUntilReady()
    return started
  }

  /** Ends with the run, before everything that was owned earlier. */
  own(stoppable: Stoppable): void {
    this.owned.push(stoppable)
  }

  /** Resolves when the first program ends that nobody asked to; never while the run is being ended. */
  lostOne(): Promise<ProcessFailure> {
    return new Promise((resolve) => {
      for (const each of this.processes.filter(({ isRunning }) => isRunning))
        void each.ended.then((how) => {
          if (this.stopping === undefined) resolve(new ProcessFailure(each.recipe.name, how, each.logTail()))
        })
    })
  }

  /** Ends everything, last started first. One that fails to end does not keep the others up. Safe to repeat. */
  stopAll(): Promise<void> {
    this.stopping ??= this.stopInReverse()
    return this.stopping
  }

  /**
   * Ends everything on Ctrl-C, a request to end, a closed terminal and on an error nobody caught; a second Ctrl-C does
   * not wait. `onFatal` gets the error to say one line about it.
   */
  stopOnExit(onFatal: (error: unknown) => void): void {
    let signals = 0
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        signals += 1
        if (signals > 1) process.exit(EXIT_CODES[signal])
        void this.stopAll().finally(() => process.exit(EXIT_CODES[signal]))
      })
    }
    const fatal = (error: unknown): void => {
      onFatal(error)
      void this.stopAll().finally(() => process.exit(1))
    }
    process.on('uncaughtException', fatal)
    process.on('unhandledRejection', fatal)
    // The last net, for process.exit() in the middle of anything: no waiting is possible here.
    process.on('exit', () => this.processes.forEach((each) => each.killGroup()))
  }

  /** What this run started, or those started in turn, and what is still there. Linux only: empty elsewhere. */
  listLeftovers(): ProcessRow[] {
    const seen = this.sampler.seen
    return listProcesses().filter(
      (row) =>
        row.pid !== process.pid &&
        !row.isZombie &&
        // PostgreSQL writes over its environment, a program that left its parent was perhaps never sampled: both ways.
        (seen.get(row.pid) === row.startTicks || hasEnvironment(row.pid, RUN_VARIABLE, this.runId)),
    )
  }

  /** Highest resident memory seen, of one program with all it started, or of all programs at the same moment. */
  peakRssMb(name?: string): number {
    return Math.round(this.sampler.peakBytes(name) / 1_000_000)
  }

  private async stopInReverse(): Promise<void> {
    this.sampler.sample()
    this.sampler.stop()
    const failures: unknown[] = []
    for (const stoppable of this.owned.toReversed()) {
      await stoppable.stop().catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be ended')
  }
}
