import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../test/support/refused.js'
import type { PolicyLimits } from '../domain/trust/policy-limits.js'
import { requireAgreement, requireTarget } from './agreement.js'
import type { Findings } from './findings.js'
import { isSameVersion } from './stated-version.js'

const findings = (change: Partial<Findings> = {}): Findings => ({
  format: 'rauc',
  state: 'whole',
  version: '1.4.0',
  target: { kind: 'product', names: ['gateway-b'] },
  signature: { state: 'none' },
  facts: {},
  faults: [],
  notChecked: [],
  ...change,
})
const gateway = { name: 'gateway-b', model: 'gateway', hardwareRevision: 'rev-b' }
const refusal = (change: Partial<Findings>, limits: PolicyLimits = {}): unknown =>
  refusedBy(() => requireAgreement(findings(change), '1.4.0', limits))

it('accepts firmware that is what the engineer says', () => {
  expect(() => requireAgreement(findings(), '1.4.0', {})).not.toThrow()
  expect(() => requireTarget(findings(), gateway)).not.toThrow()
})

describe('a format', () => {
  it('that is unknown is refused unless the policy names it', () => {
    const unknown = { format: 'unknown', version: null, target: null } as const
    const detail = { format: 'unknown', allowed: 'any known' }
    expect(refusal(unknown)).toEqual({ code: 'FORMAT_NOT_ALLOWED', detail })
    expect(() =>
      requireAgreement(findings(unknown), '1.4.0', { firmwareFormats: ['mcuboot', 'unknown'] }),
    ).not.toThrow()
  })

  it('that a policy does not list is refused where it lists some', () => {
    expect(refusal({}, { firmwareFormats: ['mcuboot', 'uf2'] })).toEqual({
      code: 'FORMAT_NOT_ALLOWED',
      detail: { format: 'rauc', allowed: 'mcuboot, uf2' },
    })
  })
})

it.each([
  ['damaged', { state: 'damaged', faults: ['sha256 differs', 'more'] }, 'FIRMWARE_DAMAGED', 'sha256 differs'],
  ['unreadable', { state: 'unreadable', faults: ['truncated'] }, 'FIRMWARE_DAMAGED', 'truncated'],
  [
    'wrongly signed',
    { signature: { state: 'invalid', algorithm: 'ed25519', why: 'not its key' } },
    'EMBEDDED_SIGNATURE_INVALID',
    'not its key',
  ],
] as const)('refuses firmware that is %s', (_, change, code, why) => {
  expect(refusal(change)).toEqual({ code, detail: { format: 'rauc', why } })
})

it('refuses another version, with both', () => {
  expect(refusal({ version: 'v1.4.1' })).toEqual({
    code: 'VERSION_DISAGREES',
    detail: { typed: '1.4.0', found: 'v1.4.1' },
  })
})

describe('a version', () => {
  it.each([
    ['1.4.0', '1.4.0', true],
    ['1.4.0', 'v1.4.0', true],
    ['1.4.0', '1.4', true],
    ['1.4.0', '1.4.0+27', true],
    ['1.4.0', '1.4.0.27', true],
    ['1.4.0', 'release-1.4.0', true],
    ['1.4.0', 'gateway_v1.4.0-3-gdeadbee', true],
    ['1.4.0-rc.1', '1.4.0-rc.1', true],
    ['1.4.0-rc.1', '1.4.0-rc1', true],
    ['2026.11.0', '2026.11-1', true],
    ['1.4.0', '1.4.1', false],
    ['1.4.0', '1', false],
    ['1.4.0', 'release-1.4.1', false],
    ['1.4.0', '1.4.0-rc.1', false],
    ['1.4.0-rc.1', '1.4.0', false],
    ['1.4.0-rc.2', '1.4.0-rc.1', false],
    ['1.4.0', 'gw/1.4.0', true],
    ['1.4.0', 'gateway2-1.4.0', true],
    ['1.4.0', '1.4.0-gateway (build 7)', true],
    ['1.4.0', '1.4.0-r0', true],
    ['1.4.0', '1.4.0-3-gb123456-dirty', true],
    ['1.4.0-rc.1', '1.4.0-RC1', true],
    ['1.4.0-rc.1', '1.4.0rc1', true],
    ['1.4.0-rc.1', '1.4.0_rc1', true],
    ['1.4.0-beta.2', 'v1.4.0b2', true],
    // A stage in any spelling is not the release.
    ['1.4.0', '1.4.0-RC1', false],
    ['1.4.0', '1.4.0-dev', false],
    ['1.4.0', '1.4.0.dev3', false],
    ['1.4.0', '1.4.0~rc1', false],
    ['1.4.0', '1.4.0-pre2', false],
    ['1.4.0', '1.4.0-gateway-snapshot', false],
    ['1.4.0', '1.4.0x', false],
    ['1.4.0-rc.1', '1.4.0-rc.1.2', false],
    ['1.4.0-rc.1', '1.4.0-rc.1-dev', false],
    // Nor is one written so that it is not compared.
    ['9.9.9', '1.4.0rc1', false],
    ['9.9.9', '1.4.0_rc1', false],
    ['9.9.9', 'v1.4.0b2', false],
    ['9.9.9', '1.4.0dev', false],
    ['9.9.9', '2.0.0a', false],
    ['9.9.9', '2a', false],
    ['9.9.9', 'gateway1.4.0', false],
    ['9.9.9', 'fw=1.4.0', false],
    ['9.9.9', '1.4.0.0.1x', false],
    ['9.9.9', '1,4,0', false],
    ['9.9.9', '１.４.０', false],
    // From its beginning, never its tail.
    ['1.4.0', '9.1.4.0.0', false],
    ['1.4.0', '5.1.4', false],
    ['1.4.0', '2:1.4.0', false],
    ['1.4.0', '-9 1.4.0', false],
    ['1.4.0', '2024.1.1-1.4.0', false],
    ['1.4.0', 'app 9.9 base-1.4.0', false],
    ['1.0.0', '1..4', false],
    ['1.0.0', '1)', false],
    ['1.0.0', '1,4,0', false],
    ['1.4.0', 'release-2', null],
    ['1.4.0', 'deadbeef-dirty', null],
    ['1.4.0', '7abc123', null],
    ['1.4.0', '', null],
  ])('%s against %s: %s', (typed, stated, same) => {
    expect(isSameVersion(typed, stated, true)).toBe(same)
  })

  it('that has no room for a stage is the version of every stage', () => {
    expect(isSameVersion('1.4.0-rc.1', '1.4.0+3', false)).toBe(true)
    expect(isSameVersion('1.4.1-rc.1', '1.4.0+3', false)).toBe(false)
  })
})

it('refuses a format whose version and target cannot be read, unless the policy takes what is unknown', () => {
  const sealed = { version: null, target: null, isSealed: true } as const
  for (const limits of [{}, { firmwareFormats: ['rauc'] as const }])
    expect(refusal(sealed, limits)).toEqual({
      code: 'FORMAT_NOT_ALLOWED',
      detail: {
        format: 'rauc whose version and target cannot be read',
        allowed: 'firmwareFormats' in limits ? 'rauc' : 'any known',
      },
    })
  expect(() => requireAgreement(findings(sealed), '1.4.0', { firmwareFormats: ['rauc', 'unknown'] })).not.toThrow()
  expect(refusal(sealed, { firmwareFormats: ['unknown'] })).toMatchObject({ code: 'FORMAT_NOT_ALLOWED' })
})

describe('a target', () => {
  const target = (kind: 'product' | 'processor', ...names: string[]): Findings => findings({ target: { kind, names } })

  it.each([
    ['the name of the class', 'gateway-b'],
    ['its model', 'gateway'],
    ['its hardware revision', 'rev-b'],
    ['both', 'gateway-rev-b'],
  ])('may be %s', (_, name) => {
    expect(() => requireTarget(target('product', 'other', name), gateway)).not.toThrow()
  })

  it('of another class is refused, with both', () => {
    expect(refusedBy(() => requireTarget(target('product', 'sensor', 'meter'), gateway))).toEqual({
      code: 'CLASS_DISAGREES',
      detail: { typed: 'gateway-b (gateway-b, gateway, rev-b, gateway-rev-b)', found: 'sensor, meter' },
    })
  })

  it('is held against what is listed with the class, and nothing else, where something is', () => {
    const listed = { ...gateway, targets: ['acme,board'] }
    expect(() => requireTarget(target('product', 'acme,board'), listed)).not.toThrow()
    expect(() => requireTarget(target('product', 'gateway-b'), listed)).toThrow('CLASS_DISAGREES')
  })

  it('that is a processor is compared only where one is listed', () => {
    expect(() => requireTarget(target('processor', 'esp32s3'), gateway)).not.toThrow()
    const listed = { ...gateway, targets: ['esp32c3'] }
    expect(() => requireTarget(target('processor', 'esp32s3'), listed)).toThrow('CLASS_DISAGREES')
  })

  it('that is not stated is not compared', () => {
    expect(() => requireTarget(findings({ target: null }), gateway)).not.toThrow()
  })
})
