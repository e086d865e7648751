import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { ServerConfig } from '../server-config.js'

/** Names for uploads that come in one go. They tell the instance and its run, so that after a crash what is dead is known by its name. */
@Injectable()
export class OwnUploads {
  private readonly live = new Set<string>()
  private readonly instance: string
  private readonly run: string

  constructor(config: ServerConfig) {
    this.instance = `${config.instanceId}.`
    this.run = `${this.instance}${randomUUID().slice(0, 8)}.`
  }

  next(): string {
    const id = `${this.run}${randomUUID()}`
    this.live.add(id)
    return id
  }

  end(id: string): void {
    this.live.delete(id)
  }

  /** Whether somebody still brings it, however slowly. */
  isLive(id: string): boolean {
    return this.live.has(id)
  }

  /** Whether this instance began it, in an earlier run or in this one, and nobody is left who would end it. */
  isDead(id: string): boolean {
    return id.startsWith(this.instance) && !this.isLive(id)
  }
}
