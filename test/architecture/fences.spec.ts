import { afterAll, describe, expect, it } from '@jest/globals'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { groupByFile, PlantedProject, projectRoot, runTool } from './planted-project.js'

/** The forbidden import and every rule that has to name it, no more and no fewer. */
const caught: readonly (readonly [from: string, to: string, ...rules: string[]])[] = [
  ['src/domain/refusal.ts', 'src/domain/cbor/stone.ts', 'domain-ground'],
  ['src/domain/clock.ts', 'node:crypto', 'domain-crypto-in-bytes'],
  ['src/domain/secrets/new-room.ts', 'src/domain/bytes.ts', 'domain-room-known'],
  ['src/domain/cbor/up.ts', 'src/domain/cose/stone.ts', 'domain-cbor'],
  ['src/domain/cbor/crypto.ts', 'node:crypto', 'domain-cbor'],
  ['src/domain/cose/up.ts', 'src/domain/suit/stone.ts', 'domain-cose'],
  ['src/domain/cose/file.ts', 'node:fs', 'domain-cose'],
  ['src/domain/suit/up.ts', 'src/domain/trust/stone.ts', 'domain-suit'],
  ['src/domain/log/up.ts', 'src/domain/trust/stone.ts', 'domain-log'],
  ['src/domain/log/beside.ts', 'src/domain/suit/stone.ts', 'domain-log'],
  ['src/domain/journal/up.ts', 'src/domain/trust/stone.ts', 'domain-journal'],
  ['src/domain/trust/beside.ts', 'src/domain/rollout/stone.ts', 'domain-trust'],
  ['src/domain/trust/out.ts', 'src/protocol/signer-socket.ts', 'domain-trust'],
  ['src/domain/signer-journal/beside.ts', 'src/domain/rollout/stone.ts', 'domain-signer-journal'],
  ['src/domain/targeting/down.ts', 'src/domain/cbor/stone.ts', 'domain-targeting'],
  ['src/domain/rollout/down.ts', 'src/domain/trust/stone.ts', 'domain-rollout'],

  ['src/protocol/out.ts', 'src/token/stone.ts', 'protocol'],
  ['src/protocol/built-in.ts', 'node:net', 'protocol'],
  ['src/token/out.ts', 'src/domain/trust/stone.ts', 'token'],
  ['src/token/built-in.ts', 'node:net', 'token'],
  ['src/inspect/server.ts', 'src/server/release/stone.service.ts', 'inspect'],
  ['src/inspect/trust.ts', 'src/domain/trust/stone.ts', 'inspect'],
  ['src/inspect/network.ts', 'node:net', 'inspect'],
  ['src/inspect/format/file.ts', 'node:fs', 'inspect-files-in-one-place'],
  ['src/server/release/cms.ts', 'pkijs', 'cms-in-inspect'],
  ['src/signer/server.ts', 'src/server/release/stone.service.ts', 'signer'],
  ['src/signer/rollout.ts', 'src/domain/rollout/stone.ts', 'signer'],
  ['src/signer/mqtt-topics.ts', 'src/protocol/mqtt-topics.ts', 'signer'],
  ['src/signer/package.ts', 'cbor-x', 'signer'],
  ['src/signer/network.ts', 'node:http', 'signer-no-network'],
  ['src/signer/child.ts', 'node:child_process', 'signer-no-network'],
  ['src/server/release/signer.ts', 'src/signer/stone.ts', 'server'],
  ['src/server/release/device.ts', 'device-sim/stone.ts', 'server'],
  ['src/server/release/token.ts', 'src/token/stone.ts', 'server'],
  ['src/server/release/row.ts', 'src/server/device/device.row.ts', 'server-module-doors'],
  ['src/server/release/controller.ts', 'src/server/device/device.controller.ts', 'server-module-doors'],
  ['src/cli/server.ts', 'src/server/release/stone.service.ts', 'cli'],
  ['src/cli/signer.ts', 'src/signer/stone.ts', 'cli'],
  ['src/cli/package.ts', 'pg', 'cli'],
  ['src/embedded/server.ts', 'src/server/device/device.row.ts', 'embedded'],
  ['device-sim/server.ts', 'src/server/release/stone.service.ts', 'device-sim'],
  ['device-sim/signer.ts', 'src/signer/stone.ts', 'device-sim'],
  ['device-sim/rollout.ts', 'src/domain/rollout/stone.ts', 'device-sim'],
  ['device-sim/targeting.ts', 'src/domain/targeting/stone.ts', 'device-sim'],
  ['device-sim/socket.ts', 'src/protocol/signer-socket.ts', 'device-sim'],
  ['migrations/entity.ts', 'src/server/device/device.row.ts', 'migrations'],
  ['migrations/code.ts', 'typeorm', 'migrations-types-only'],

  ['src/signer/embedded.ts', 'src/embedded/stone.ts', 'embedded-stays-out-of-production', 'signer'],
  ['src/cli/main.ts', 'src/embedded/stone.ts', 'cli', 'embedded-stays-out-of-production'],
  ['src/server/main.ts', 'src/embedded/stone.ts', 'embedded-stays-out-of-production', 'server'],
  ['device-sim/main.ts', 'src/embedded/stone.ts', 'device-sim', 'embedded-stays-out-of-production'],
  ['src/signer/pkcs11.ts', 'pkcs11js', 'pkcs11js-in-token', 'signer'],
  ['src/server/keys/pkcs11.ts', 'pkcs11js', 'pkcs11js-in-token'],
  ['device-sim/typeorm.ts', 'typeorm', 'database-in-server', 'device-sim'],
  ['src/cli/nest.ts', '@nestjs/common', 'cli', 'database-in-server'],
  ['src/cli/mqtt.ts', 'mqtt', 'cli', 'mqtt-in-server-and-device'],

  ['src/cli/circle.ts', 'src/cli/circle-back.ts', 'no-circular'],
  ['src/cli/circle-back.ts', 'src/cli/circle.ts', 'no-circular'],
  ['src/cli/nowhere.ts', 'src/cli/not-there.ts', 'cli', 'no-unresolvable'],
  ['src/cli/spec-user.ts', 'src/domain/trust/free.spec.ts', 'no-spec-import'],
  ['src/server/release/demo.ts', 'demo/main.ts', 'product-knows-no-test', 'server'],
  ['src/server/release/development.ts', 'fast-check', 'no-development-package'],
]

const allowed: readonly (readonly [from: string, to: string])[] = [
  ['src/domain/bytes.ts', 'node:crypto'],
  ['src/domain/cose/noble.ts', '@noble/ed25519'],
  ['src/domain/suit/down.ts', 'src/domain/cose/stone.ts'],
  ['src/domain/trust/down.ts', 'src/domain/log/stone.ts'],
  ['src/domain/rollout/ground.ts', 'src/domain/refusal.ts'],
  ['src/domain/trust/free.spec.ts', 'fast-check'],
  ['src/protocol/codec.ts', 'cbor-x'],
  ['src/token/adapter.ts', 'pkcs11js'],
  ['src/signer/socket.ts', 'node:net'],
  ['src/signer/main.ts', 'src/protocol/signer-socket.ts'],
  ['src/server/release/service.ts', 'src/server/device/device.service.ts'],
  ['src/server/device/device.controller.ts', 'src/server/device/device.row.ts'],
  ['src/inspect/cms.ts', 'pkijs'],
  ['src/inspect/file-source.ts', 'node:fs'],
  ['src/inspect/limits.ts', 'src/domain/trust/policy-limits.ts'],
  ['src/server/release/inspect.ts', 'src/inspect/stone.ts'],
  ['src/cli/inspect.ts', 'src/inspect/stone.ts'],
  ['src/server/release/nest.ts', '@nestjs/common'],
  ['src/cli/token.ts', 'src/token/stone.ts'],
  ['src/embedded/stand-in.ts', 'src/server/release/signer.port.ts'],
  ['device-sim/mqtt.ts', 'mqtt'],
  ['device-sim/topics.ts', 'src/protocol/mqtt-topics.ts'],
  ['demo/main.ts', 'src/embedded/stone.ts'],
  ['bench/main.ts', 'src/signer/stone.ts'],
  ['test/free.spec.ts', 'device-sim/stone.ts'],
]

function planted(from: string, to: string): string {
  const relative = /^(src|device-sim|demo)\//.test(to) ? '../'.repeat(from.split('/').length - 1) + to : to
  return `import '${relative.startsWith('.') ? relative.replace(/\.ts$/, '.js') : relative}'\n`
}

/** Every file that is only imported, so that nothing but the one rule under test can speak. */
const stones = [...caught, ...allowed]
  .map(([, to]) => to)
  .filter((to) => to.endsWith('.ts') && !to.includes('not-there'))
const project = new PlantedProject({
  ...Object.fromEntries(stones.map((to) => [to, 'export const stone = 1\n'])),
  ...Object.fromEntries([...caught, ...allowed].map(([from, to]) => [from, planted(from, to)])),
  'migrations/types.ts': "export type { QueryRunner } from 'typeorm'\n",
})
afterAll(() => project.remove())

interface Cruise {
  readonly summary: {
    readonly totalCruised: number
    readonly violations: readonly {
      readonly from: string
      readonly rule: { readonly name: string }
      readonly cycle?: readonly { readonly name: string }[]
    }[]
  }
}
const config = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json']
const folders = ['src', 'device-sim', 'demo', 'bench', 'migrations', 'test']
const run = project.run('depcruise', ...config, ...folders)
const { summary } = JSON.parse(run.stdout) as Cruise
const reported = groupByFile(
  summary.violations.flatMap(({ from, rule, cycle = [] }) =>
    // A cycle is reported once, by one of its members.
    [from, ...cycle.map((member) => member.name)].map((file) => [file, rule.name] as const),
  ),
)

describe('fences between rooms', () => {
  it('are read from the planted project', () => {
    expect(summary.totalCruised).toBeGreaterThan(caught.length + allowed.length)
  })
  it.each(caught)('%s may not import %s', (from, _, ...rules) => {
    expect(reported[from]).toEqual(rules)
  })
  it.each(allowed)('%s may import %s', (from) => {
    expect(reported[from]).toBeUndefined()
  })
  it('let a migration take types from TypeORM', () => {
    expect(reported['migrations/types.ts']).toBeUndefined()
  })
  it('see every source file of the real tree', () => {
    const present = folders.filter((folder) => existsSync(join(projectRoot, folder)))
    const sources = present.flatMap((folder) =>
      readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' }),
    )
    const real = runTool(projectRoot, 'depcruise', ...config, ...present)
    const { totalCruised } = (JSON.parse(real.stdout) as Cruise).summary
    expect(totalCruised).toBeGreaterThan(0)
    expect(totalCruised).toBeGreaterThanOrEqual(sources.filter((file) => file.endsWith('.ts')).length)
  })
})
