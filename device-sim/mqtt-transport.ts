import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import type { EnrolAnswer } from '../src/protocol/device-http.js'
import { encodePresenceMessage, type PresenceMessage } from '../src/protocol/mqtt-payloads.js'
import { deviceTopic, krlTopic, trustTopic } from '../src/protocol/mqtt-topics.js'
import type { TlsIdentity } from './certificate-desk.js'
import { backOffMs, STABLE_MS } from './back-off.js'

export interface MqttTransportOptions {
  readonly account: EnrolAnswer['mqtt']
  /** The certificate instead of the account, where a broker takes it; asked at each connection. */
  readonly identity?: () => TlsIdentity | null
  /** Authorities of the broker's own certificate, PEM. */
  readonly tlsCa?: string
  readonly namespace: string
  readonly deviceId: string
  /** What the device says of itself when it connects; called once for each connection. */
  readonly presence: () => PresenceMessage
  readonly onMessage: (kind: 'offer' | 'trust' | 'krl', payload: Uint8Array) => void
  readonly onConnected: () => void
  readonly random: () => number
}

/**
 * A device's connection to the broker (MQTT 5). It only wakes the device up and carries its reports: a device without
 * it converges by polling. Comes back by itself, with exponential back-off and full jitter.
 */
export class MqttTransport {
  private client: MqttClient | null = null
  private retry: NodeJS.Timeout | null = null
  private stable: NodeJS.Timeout | null = null
  private failures = 0
  private isStopped = false
  private readonly topics: ReadonlyMap<string, 'offer' | 'trust' | 'krl'>

  constructor(private readonly options: MqttTransportOptions) {
    const { namespace, deviceId } = options
    this.topics = new Map([
      [deviceTopic(namespace, deviceId, 'offer'), 'offer'],
      [trustTopic(namespace), 'trust'],
      [krlTopic(namespace), 'krl'],
    ])
  }

  get isConnected(): boolean {
    return this.client?.connected === true
  }

  start(): void {
    this.isStopped = false
    this.open()
  }

  /** Says goodbye, so that the last will stays unsaid and the retained state is the true one. */
  async stop(): Promise<void> {
    this.isStopped = true
    if (this.retry !== null) clearTimeout(this.retry)
    if (this.stable !== null) clearTimeout(this.stable)
    const client = this.client
    this.client = null
    if (client === null) return
    const farewell = this.options.presence()
    if (client.connected)
      await client
        .publishAsync(this.stateTopic, this.presence({ ...farewell, isOnline: false }), { qos: 1, retain: true })
        .catch(ignoreOutage)
    await client.endAsync(true).catch(ignoreOutage)
  }

  /** Resolves when the broker has the report. @throws when it cannot be handed over now. */
  async publishReport(report: Uint8Array): Promise<void> {
    if (this.client?.connected !== true) throw new Error('not connected to the broker')
    await this.client.publishAsync(
      deviceTopic(this.options.namespace, this.options.deviceId, 'report'),
      Buffer.from(report),
      { qos: 1 },
    )
  }

  private get stateTopic(): string {
    return deviceTopic(this.options.namespace, this.options.deviceId, 'state')
  }

  private presence(message: PresenceMessage): Buffer {
    return Buffer.from(encodePresenceMessage(message))
  }

  private open(): void {
    const { account } = this.options
    const presence = this.options.presence()
    const will = { topic: this.stateTopic, payload: this.presence({ ...presence, isOnline: false }) }
    const identity = this.options.identity?.() ?? null
    const byCertificate = identity === null ? null : identity.mqttUrl
    const settings: IClientOptions = {
      protocolVersion: 5,
      ...(identity === null || byCertificate === null
        ? { username: account.username, password: account.password }
        : { cert: identity.cert, key: identity.key }),
      ...(this.options.tlsCa === undefined ? {} : { ca: this.options.tlsCa }),
      // The broker puts the user name in its place anyway; another name would let devices push each other out.
      clientId: byCertificate === null ? account.username : this.options.deviceId,
      clean: true,
      // Reports are repeated until the server has them; a second queue in here would only repeat old ones.
      queueQoSZero: false,
      resubscribe: false,
      reconnectPeriod: 0,
      connectTimeout: 20_000,
      keepalive: 60,
      will: { ...will, qos: 1, retain: true },
    }
    const client = connect(byCertificate ?? account.url, settings)
    this.client = client
    client.on('message', (topic, payload) => {
      const kind = this.topics.get(topic)
      if (kind !== undefined) this.options.onMessage(kind, new Uint8Array(payload))
    })
    client.on('connect', () => void this.greet(client, presence))
    // The reason is in the "close" that follows; without a listener it would end the process.
    client.on('error', () => undefined)
    client.once('close', () => this.closed(client))
  }

  private async greet(client: MqttClient, presence: PresenceMessage): Promise<void> {
    this.stable = setTimeout(() => (this.failures = 0), STABLE_MS)
    try {
      await client.subscribeAsync([...this.topics.keys()], { qos: 1 })
      await client.publishAsync(this.stateTopic, this.presence(presence), { qos: 1, retain: true })
    } catch {
      client.end(true)
      return
    }
    this.options.onConnected()
  }

  private closed(client: MqttClient): void {
    client.end(true)
    if (this.stable !== null) clearTimeout(this.stable)
    if (this.isStopped || client !== this.client) return
    this.retry = setTimeout(() => this.open(), backOffMs(this.failures, this.options.random()))
    this.failures += 1
  }
}

/** Whoever stops does not need the broker any more. */
const ignoreOutage = (): void => undefined
