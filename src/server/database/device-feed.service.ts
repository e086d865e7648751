import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common'
import pg from 'pg'
import { DecisionLog } from '../http/decision-log.service.js'
import { ServerConfig } from '../server-config.js'
import { SERVING_SESSION } from './connection-options.js'

const CHANNEL = 'device_news'
const RECONNECT_MS = 1_000
/** A connection that does not answer for so long is none: what it would have told is not waited for. */
const HEARTBEAT_MS = 2_000
const HEARTBEAT_LIMIT_MS = 5_000

/** Who keeps something that is made of what the database says about a device. */
export interface FeedListener {
  /** Something about this device changed; whoever reads from now on reads it. */
  changed(namespace: string, deviceId: string): void
  /** Changes may have been missed: nothing that was kept is to be believed. */
  missed(): void
}

/**
 * Tells at once, on every instance, when something changes that the answer to a device's poll is made of: an offer, a token, an
 * attribute. Told by the database as it commits, whoever wrote it. While it hears nothing it says so.
 */
@Injectable()
export class DeviceFeed implements OnModuleInit, BeforeApplicationShutdown {
  private readonly listeners: FeedListener[] = []
  private client: pg.Client | undefined
  private timer: NodeJS.Timeout | undefined
  private isStopping = false
  private count = 0
  private isHeard = false

  constructor(
    private readonly config: ServerConfig,
    private readonly log: DecisionLog,
  ) {}

  /**
   * What was read may be kept when this is the same before reading and when it is kept: then no change came between.
   * @returns null while nothing is heard; then nothing may be kept.
   */
  get tick(): number | null {
    return this.isHeard ? this.count : null
  }

  listen(listener: FeedListener): void {
    this.listeners.push(listener)
  }

  async onModuleInit(): Promise<void> {
    await this.connect()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true
    clearTimeout(this.timer)
    await this.client?.end().catch(() => undefined)
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.config.databaseUrl,
      connectionTimeoutMillis: HEARTBEAT_LIMIT_MS,
      query_timeout: HEARTBEAT_LIMIT_MS,
      keepAlive: true,
      options: SERVING_SESSION,
    })
    this.client = client
    client.on('notification', ({ payload = '' }) => this.tell(payload))
    client.on('error', (error) => this.lost(client, error))
    client.on('end', () => this.lost(client, new Error('the connection ended')))
    try {
      await client.connect()
      await client.query(`LISTEN ${CHANNEL}`)
      this.isHeard = true
      this.beat(client)
    } catch (error) {
      this.lost(client, error)
    }
  }

  private tell(payload: string): void {
    this.count += 1
    const [namespace = '', deviceId = ''] = payload.split(' ')
    for (const listener of this.listeners) listener.changed(namespace, deviceId)
  }

  private beat(client: pg.Client): void {
    this.timer = setTimeout(() => {
      client.query('SELECT 1').then(
        () => {
          if (this.client === client && !this.isStopping) this.beat(client)
        },
        (error: unknown) => this.lost(client, error),
      )
    }, HEARTBEAT_MS)
    this.timer.unref()
  }

  private lost(client: pg.Client, error: unknown): void {
    if (this.client !== client) return
    this.client = undefined
    this.isHeard = false
    this.count += 1
    for (const listener of this.listeners) listener.missed()
    client.end().catch(() => undefined)
    if (this.isStopping) return
    this.log.error('device.feed.lost', error)
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.connect(), RECONNECT_MS)
    this.timer.unref()
  }
}
