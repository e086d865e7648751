import { writeFileSync } from 'node:fs'
import { toHex } from '../src/domain/bytes.js'
import type { ProcessSupervisor } from '../src/embedded/process-supervisor.js'
import { Api } from './api.js'
import type { Installation } from './installation.js'
import { classIdNamed, vendorId } from './product.js'
import { programs } from './programs.js'
import type { Story } from './story.js'
import { claimToken } from './victim.js'

/**
 * Starts the simulated fleet in a process of its own; ready when every device is enrolled.
 * @param unhealthyIndex the device whose new image fails its health gate, if any.
 */
export async function startFleet(
  installation: Pick<Installation, 'folders' | 'url' | 'people' | 'rootFile' | 'product'>,
  supervisor: ProcessSupervisor,
  devices: number,
  unhealthyIndex: number | null,
  story: Story,
): Promise<void> {
  const { folders } = installation
  const claimFile = folders.path('fleet', 'claim')
  writeFileSync(claimFile, await claimToken(installation, 'gateway-b', devices), { mode: 0o600 })
  const command = [
    ...[programs.node, programs.fleet, '--server', installation.url, '--namespace', installation.product.namespace],
    ...[
      '--root',
      installation.rootFile,
      '--class-id',
      toHex(classIdNamed('gateway-b')),
      '--vendor-id',
      toHex(vendorId),
    ],
    ...['--claim-token-file', claimFile, '--devices', String(devices), '--dir', folders.path('fleet', 'devices')],
    ...(unhealthyIndex === null ? [] : ['--fault', `unhealthy-boot=${unhealthyIndex}`]),
    ...['--poll-ms', '5000', '--jitter-seconds', '1', '--json'],
  ]
  const api = new Api(installation.url, installation.people.fleet, installation.product.namespace)
  await supervisor.launch({
    name: 'fleet',
    command,
    logFile: folders.path('fleet', 'fleet.log'),
    readyTimeoutMs: 120_000,
    isReady: async () => {
      const { items } = await api.get<{ items: unknown[] }>('/devices?limit=1000')
      story.progress(Math.min(items.length, devices), devices, 'devices enrolled')
      return items.length >= Math.min(devices, 1_000)
    },
  })
}
