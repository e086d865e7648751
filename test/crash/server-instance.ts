import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort } from '../../src/embedded/free-port.js'
import { ManagedProcess, ProcessFailure } from '../../src/embedded/managed-process.js'
import { projectFolder, requireProgramFile } from '../../src/embedded/program-file.js'

/** Where a server is killed; see `death-point.mjs`. */
export interface DeathPoint {
  /** In a statement or its values. */
  readonly statement: string
  readonly when: 'before' | 'after'
  readonly nth?: number
}

/** One server process of several; it can be killed and comes back under its name and address. */
export class ServerInstance {
  private process: ManagedProcess | null = null

  private constructor(
    private readonly folder: string,
    private readonly environment: Readonly<Record<string, string>>,
    readonly url: string,
  ) {}

  static async make(name: string, folder: string, shared: Readonly<Record<string, string>>): Promise<ServerInstance> {
    const own = join(folder, name)
    mkdirSync(own)
    const url = `http://127.0.0.1:${await findFreePort()}`
    const environment = { ...shared, INSTANCE_ID: name, HTTP_PORT: new URL(url).port, PUBLIC_URL: url }
    return new ServerInstance(own, environment, url)
  }

  get lastWords(): readonly string[] {
    return this.process?.logTail(8) ?? []
  }

  async launch(point?: DeathPoint): Promise<void> {
    const hook = join(projectFolder(), 'test', 'crash', 'death-point.mjs')
    const words = point === undefined ? [] : ['--import', hook]
    const death = point === undefined ? {} : { DEATH_POINT: JSON.stringify({ nth: 1, ...point }) }
    writeFileSync(join(this.folder, 'server.log'), '')
    this.process = ManagedProcess.spawn({
      name: 'server',
      command: [process.execPath, ...words, requireProgramFile('src/server/main')],
      logFile: join(this.folder, 'server.log'),
      environment: { ...this.environment, ...death },
      readyTimeoutMs: 120_000,
      isReady: () =>
        fetch(`${this.url}/health/live`).then(
          (answer) => answer.ok,
          () => false,
        ),
    })
    await this.process.waitUntilReady().catch((error: unknown) => {
      // One that has reached its point already was ready enough.
      if (point === undefined || !(error instanceof ProcessFailure)) throw error
    })
  }

  /** Waits until it has died of its point. @throws when it is still alive after that time. */
  async died(limitMs = 90_000): Promise<void> {
    const { process } = this
    if (process === null) throw new Error('not launched')
    const timer = new AbortController()
    const late = new Promise<string>((resolve) => {
      const timeout = setTimeout(() => resolve('is still alive'), limitMs)
      timer.signal.addEventListener('abort', () => clearTimeout(timeout))
    })
    const how = await Promise.race([process.ended, late])
    timer.abort()
    if (how !== 'ended by SIGKILL') throw new Error(`${how}: ${process.logTail(5).join('\n')}`)
  }

  async kill(): Promise<void> {
    this.process?.killGroup()
    await this.process?.ended
  }
}
