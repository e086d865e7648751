import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Injectable, type OnModuleInit } from '@nestjs/common'
import { ServerConfig } from '../server-config.js'
import { FirmwareStore } from './firmware-store.port.js'

/** Firmware as a file of this machine, for whoever has to read it at any place. */
@Injectable()
export class LocalFirmware implements OnModuleInit {
  private readonly copies: string

  constructor(
    private readonly store: FirmwareStore,
    { storeDir, instanceId }: ServerConfig,
  ) {
    this.copies = join(storeDir, `copies-${instanceId}`)
  }

  /** What an instance of this name had copied died with it. */
  async onModuleInit(): Promise<void> {
    await rm(this.copies, { recursive: true, force: true })
  }

  /** The file is there until `use` is done. A store elsewhere is copied from for so long. @throws Refusal `IMAGE_UNKNOWN`. */
  async withFile<T>(sha256: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
    const path = this.store.localPath(sha256)
    if (path !== null && (await this.store.findSizeBytes(sha256)) !== null) return use(path)
    await mkdir(this.copies, { recursive: true, mode: 0o700 })
    const folder = await mkdtemp(join(this.copies, 'firmware-'))
    try {
      const copy = join(folder, 'copy')
      await pipeline(await this.store.read(sha256), createWriteStream(copy, { mode: 0o600 }))
      return await use(copy)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}
