import { readFile } from 'node:fs/promises'
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { connect, type IClientOptions, type IClientPublishOptions, type MqttClient } from 'mqtt'
import { Refusal } from '../../domain/refusal.js'
import { sharedReports } from '../../protocol/mqtt-topics.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { ServerConfig } from '../server-config.js'
import { MqttLink, type MqttHandler, type MqttMessage } from './mqtt-link.port.js'
import { ReportGroup } from './report-group.service.js'

/** How long the broker keeps the session of an instance that is away, and with it the reports it had not taken. */
const SESSION_SECONDS = 7 * 86_400
const RECONNECT_MS = 1_000
const PUBLISH_TIMEOUT_MS = 10_000
/** As servers called their group once; a session from then still holds it, and would bring each report twice. */
const FORMER_GROUP = 'server'

@Injectable()
export class MqttConnection extends MqttLink implements OnApplicationBootstrap, OnApplicationShutdown {
  private client: MqttClient | undefined
  private wasConnected = false
  private report: MqttHandler = () => undefined
  private readonly connectedHandlers: (() => void)[] = []

  constructor(
    private readonly config: ServerConfig,
    private readonly group: ReportGroup,
    private readonly log: DecisionLog,
  ) {
    super()
  }

  override get isConnected(): boolean {
    return this.client?.connected === true
  }

  override onReport(handler: MqttHandler): void {
    this.report = handler
  }

  override onConnected(handler: () => void): void {
    this.connectedHandlers.push(handler)
    if (this.isConnected) handler()
  }

  async onApplicationBootstrap(): Promise<void> {
    const { url, username } = this.config.mqtt
    const reports = sharedReports(await this.group.name())
    const client = connect(url, { ...this.options(), username, password: await this.readPassword() })
    this.client = client
    client.on('connect', () => void this.connected(client, reports))
    client.on('close', () => void this.closed(client))
    client.on('error', (error) => this.log.info('mqtt.failed', { why: codeOf(error) }))
    // The broker sends what waited in the session at once: nobody may be listening yet when it does.
    client.connect()
  }

  async onApplicationShutdown(): Promise<void> {
    const client = this.client
    if (client === undefined) return
    // A client that was connected by hand forgets that it is ending before its stream has closed, and would begin again.
    client.options.reconnectPeriod = 0
    await client.endAsync(true).catch(() => undefined)
  }

  override async publish(message: MqttMessage): Promise<void> {
    const client = this.client
    if (client === undefined || !client.connected) throw new Refusal('BROKER_UNAVAILABLE', { why: 'not connected' })
    const { topic, payload, isRetained, expirySeconds } = message
    const options: IClientPublishOptions = {
      qos: 1,
      retain: isRetained,
      ...(expirySeconds === null ? {} : { properties: { messageExpiryInterval: Math.max(1, expirySeconds) } }),
    }
    await new Promise<void>((resolve, reject) => {
      // A connection that breaks in between never calls back; the outbox then sends it again.
      const late = setTimeout(
        () => reject(new Refusal('BROKER_UNAVAILABLE', { why: 'did not confirm a message' })),
        PUBLISH_TIMEOUT_MS,
      ).unref()
      client.publish(topic, Buffer.from(payload), options, (error) => {
        clearTimeout(late)
        if (error) reject(error)
        else resolve()
      })
    })
  }

  private options(): IClientOptions {
    return {
      protocolVersion: 5,
      // Fixed and not clean: the reports that came while this instance was away are its own to take.
      clientId: `countersign-${this.config.instanceId}`,
      clean: false,
      properties: { sessionExpiryInterval: SESSION_SECONDS },
      manualConnect: true,
      reconnectPeriod: RECONNECT_MS,
      reconnectOnConnackError: true,
      resubscribe: false,
      customHandleAcks: (topic, payload, _packet, done) => {
        // Confirmed only when it was taken in. What cannot be read is confirmed too: it would come for ever.
        void Promise.resolve()
          .then(() => this.report(topic, payload))
          .catch((error: unknown) => this.log.error('mqtt.report.failed', error))
          .finally(() => done(0))
      },
    }
  }

  /** @throws Refusal `CONFIGURATION`. */
  private async readPassword(): Promise<string> {
    try {
      return (await readFile(this.config.mqtt.passwordFile, 'utf8')).trim()
    } catch (error) {
      throw new Refusal('CONFIGURATION', { name: 'MQTT_PASSWORD_FILE', why: 'cannot be read' }, { cause: error })
    }
  }

  /** The broker may come back with another password: the next attempt takes what the file then says. */
  private async closed(client: MqttClient): Promise<void> {
    if (this.wasConnected) this.log.info('mqtt.disconnected', { instance: this.config.instanceId })
    this.wasConnected = false
    client.options.password = await this.readPassword().catch(() => client.options.password ?? '')
  }

  private async connected(client: MqttClient, reports: string): Promise<void> {
    try {
      this.wasConnected = true
      await client.subscribeAsync(reports, { qos: 1 })
      await client.unsubscribeAsync(sharedReports(FORMER_GROUP))
      this.log.info('mqtt.connected', { instance: this.config.instanceId })
      for (const handler of this.connectedHandlers) handler()
    } catch (error) {
      // The connection is gone again; the next one tries anew.
      this.log.error('mqtt.subscribe.failed', error)
    }
  }
}

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : error.message)
