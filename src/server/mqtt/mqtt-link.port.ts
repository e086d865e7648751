/** One message to the broker, QoS 1. */
export interface MqttMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly isRetained: boolean
  /** The broker forgets it after this long; null keeps it until it is replaced. */
  readonly expirySeconds: number | null
}

/** Takes a message in. A promise that is not settled yet holds the broker back. */
export type MqttHandler = (topic: string, payload: Uint8Array) => Promise<void> | void

/** The server's one connection to the broker. MQTT only signals: while it is down, devices poll and nothing is lost. */
export abstract class MqttLink {
  abstract readonly isConnected: boolean
  /** Names who gets devices' reports; to be called before the application has started. */
  abstract onReport(handler: MqttHandler): void
  /** Called on every connection, the first one too. */
  abstract onConnected(handler: () => void): void
  /** @returns when the broker has it. @throws Refusal `BROKER_UNAVAILABLE` while there is no connection. */
  abstract publish(message: MqttMessage): Promise<void>
}
