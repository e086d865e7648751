import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** One run of a built program with a temporary folder of its own, so that whatever it leaves behind can be found. */
export class ProgramRun {
  readonly folder = mkdtempSync(join(tmpdir(), 'run-'))
  readonly ended: Promise<number>
  private readonly child: ChildProcess
  output = ''

  constructor(program: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const file = join(project, 'dist', program)
    if (!existsSync(file)) throw new Error(`dist/${program} is missing: npm run build`)
    this.child = spawn(process.execPath, [file, ...args], {
      env: { PATH: process.env['PATH'], HOME: this.folder, TMPDIR: this.folder, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const collect = (chunk: Buffer): void => void (this.output += chunk.toString('utf8'))
    this.child.stdout?.on('data', collect)
    this.child.stderr?.on('data', collect)
    this.ended = new Promise((resolve) => this.child.once('close', (code) => resolve(code ?? 128)))
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  /** Waits until the output holds `text`. @throws when the program ends first. */
  async printed(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      const code = await Promise.race([this.ended, new Promise<null>((resolve) => setTimeout(() => resolve(null), 50))])
      if (code !== null && !this.output.includes(text))
        throw new Error(`ended with ${code}: ${this.output.slice(-2_000)}`)
    }
  }

  /** Processes that still mention the run's folder, by arguments or working folder. */
  leftovers(): string[] {
    return readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return []
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return line.includes(this.folder) || readlinkSync(`/proc/${pid}/cwd`).startsWith(this.folder) ? [line] : []
      } catch {
        // It ended while we looked.
        return []
      }
    })
  }

  /** What it left in its temporary folder. */
  remains(): string[] {
    return readdirSync(this.folder).filter((name) => name.startsWith('countersign-'))
  }

  async dispose(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM')
    await this.ended
    rmSync(this.folder, { recursive: true, force: true })
  }
}
