import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { ServerConfig } from '../server-config.js'

/** Names for uploads that come in one go. They tell the instance and its run, so that after a crash what is dead is known by its name. */
@Injectable()
export class OwnUploads {
  private readonly instance: string
  private readonly run: string

  constructor(config: ServerConfig) {
    this.instance = `${config.instanceId}.`
    this.run = `${this.instance}${randomUUID().slice(0, 8)}.`
  }

  next(): string {
    return `${this.run}${randomUUID()}`
  }

  /** Whether an earlier run of this instance began it: nobody is left who would end it. */
  isDead(id: string): boolean {
    return id.startsWith(this.instance) && !id.startsWith(this.run)
  }
}
