import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const ownNamespaces = 'unshare'

/** A folder that is a small file system of its own, in a mount namespace that any user of Linux may have. */
export class SmallDisk {
  private constructor(
    readonly folder: string,
    private readonly holder: ChildProcess,
  ) {}

  /** @param size as tmpfs takes it: `8m`. */
  static async mount(folder: string, size: string): Promise<SmallDisk> {
    const script = `mount -t tmpfs -o size=${size} none '${folder}' && echo mounted && exec sleep 600`
    const holder = spawn(ownNamespaces, ['-rm', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const isMounted = await Promise.race([
      holder.stdout === null ? false : once(holder.stdout, 'data').then(() => true),
      once(holder, 'exit').then(() => false),
    ])
    if (!isMounted) throw new Error('no small disk: may this user have namespaces?')
    return new SmallDisk(folder, holder)
  }

  /** The way to it for processes outside. */
  get outside(): string {
    return join(`/proc/${this.holder.pid}/root`, this.folder)
  }

  /** What to put before a command that shall see it at its own place. */
  get inside(): readonly string[] {
    return ['nsenter', '-t', String(this.holder.pid), '-U', '-m', '--preserve-credentials', '--']
  }

  async unmount(): Promise<void> {
    this.holder.kill('SIGKILL')
    await once(this.holder, 'exit')
  }
}
