import { join } from 'node:path'
import type { z } from 'zod'
import type { Policy } from '../../src/domain/trust/policy.js'
import type { EmbeddedBroker } from '../../src/embedded/broker.js'
import type { OutsideWorld } from '../../src/server/app.module.js'
import { DdiSettings } from '../../src/server/ddi/ddi-settings.js'
import { PollSettings } from '../../src/server/poll-settings.js'
import type { NamespaceConfig } from '../../src/server/namespace-config.js'
import type { ServerConfig } from '../../src/server/server-config.js'

/** What a test's fleet has beyond the usual. */
export interface FleetOptions {
  /** What the policy says beyond the fixture's. */
  readonly policy?: Partial<Policy>
  readonly polling?: z.input<typeof PollSettings>
  /** Settings for DDI clients. */
  readonly ddi?: z.input<typeof DdiSettings>
  readonly config?: Partial<ServerConfig>
  /** An authority that issues certificates to devices, and a listener of the broker that takes them. */
  readonly withCertificates?: boolean
  /** PostgreSQL restarts in it. */
  readonly restartsPostgres?: boolean
  /** Stand-ins beside the signers. */
  readonly world?: OutsideWorld
}

/** The time of a fleet's server: the machine's, unless a test brings its own. */
export const clockOf =
  ({ world }: FleetOptions) =>
  (): number =>
    world?.clock?.nowSeconds() ?? Math.floor(Date.now() / 1_000)

/** The one namespace of a test's fleet. */
export const fleetNamespace = (namespace: string, folder: string, { ddi, polling }: FleetOptions): NamespaceConfig => ({
  namespace,
  rootFile: join(folder, 'root-1.cbor'),
  releaseSigner: '/nowhere',
  onlineSigner: '/nowhere',
  vendorDomain: 'vendor.example',
  classes: [{ name: 'gateway-r2', model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }],
  ...(polling === undefined ? {} : { polling: PollSettings.parse(polling) }),
  ...(ddi === undefined ? {} : { ddi: DdiSettings.parse(ddi) }),
})

/** How a server of a test reaches its broker. */
export const brokerConfig = (broker: EmbeddedBroker): Pick<ServerConfig, 'mqtt' | 'broker'> => ({
  mqtt: {
    url: broker.serverUrl,
    username: broker.serverUsername,
    passwordFile: broker.serverPasswordFile,
    deviceUrl: broker.deviceUrl,
    ...(broker.certificateUrl === null ? {} : { deviceTlsUrl: broker.certificateUrl }),
  },
  broker: {
    passwordFile: broker.devicePasswordFile,
    pidFile: broker.pidFile,
    ...(broker.certificateUrl === null ? {} : { certificateRulesFile: broker.certificateRulesFile }),
  },
})
