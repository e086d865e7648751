import { join } from 'node:path'
import type { z } from 'zod'
import type { Policy } from '../../src/domain/trust/policy.js'
import type { OutsideWorld } from '../../src/server/app.module.js'
import { DdiSettings } from '../../src/server/ddi/ddi-settings.js'
import type { NamespaceConfig } from '../../src/server/namespace-config.js'
import type { ServerConfig } from '../../src/server/server-config.js'

/** What a test's fleet has beyond the usual. */
export interface FleetOptions {
  /** What the policy says beyond the fixture's. */
  readonly policy?: Partial<Policy>
  /** Settings for DDI clients. */
  readonly ddi?: z.input<typeof DdiSettings>
  readonly config?: Partial<ServerConfig>
  /** Stand-ins beside the signers. */
  readonly world?: OutsideWorld
}

/** The one namespace of a test's fleet. */
export const fleetNamespace = (namespace: string, folder: string, { ddi }: FleetOptions): NamespaceConfig => ({
  namespace,
  rootFile: join(folder, 'root-1.cbor'),
  releaseSigner: '/nowhere',
  onlineSigner: '/nowhere',
  vendorDomain: 'vendor.example',
  classes: [{ name: 'gateway-r2', model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }],
  ...(ddi === undefined ? {} : { ddi: DdiSettings.parse(ddi) }),
})
