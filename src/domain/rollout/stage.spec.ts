import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { refusedBy } from '../../../test/support/refused.js'
import { orderOf, placeOf, requireStages, stageSizes, type StageReach } from './stage.js'

describe('stages', () => {
  it('reach as far as they say', () => {
    expect(stageSizes([{ devices: 3 }, { percent: 1 }, { percent: 10 }, { percent: 100 }], 200)).toEqual([
      3, 0, 17, 180,
    ])
    expect(stageSizes([{ devices: 3 }, { percent: 100 }], 2)).toEqual([2, 0])
    expect(stageSizes([{ percent: 1 }], 20)).toEqual([1])
  })
  it('add up to no more than the members, and to all at 100 %', () => {
    const stage: fc.Arbitrary<StageReach> = fc.oneof(
      fc.record({ devices: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
    )
    fc.assert(
      fc.property(fc.array(stage, { maxLength: 6 }), fc.nat(1_000), (stages, members) => {
        const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0)
        const sizes = stageSizes([...stages, { percent: 100 }], members)
        expect(sizes.every((size) => size >= 0)).toBe(true)
        expect(sum(sizes)).toBe(members)
        expect(sum(stageSizes(stages, members))).toBeLessThanOrEqual(members)
      }),
    )
  })
  it.each<[string, StageReach[], string, string]>([
    ['none', [], 'stages.0', '1 to 32 stages'],
    ['too many', Array.from({ length: 33 }, (_, index) => ({ devices: index + 1 })), 'stages.0', '1 to 32 stages'],
    ['part of a device', [{ devices: 1.5 }], 'stages.0', 'a whole number of devices above that of the stages before'],
    [
      'no more devices',
      [{ devices: 3 }, { devices: 3 }],
      'stages.1',
      'a whole number of devices above that of the stages before',
    ],
    ['more than all', [{ percent: 101 }], 'stages.0', 'a share up to 100 and above that of the stages before'],
    [
      'a smaller share',
      [{ percent: 50 }, { percent: 10 }],
      'stages.1',
      'a share up to 100 and above that of the stages before',
    ],
  ])('of %s are refused', (_, stages, field, why) => {
    expect(refusedBy(() => requireStages(stages))).toEqual({ code: 'REQUEST_INVALID', detail: { field, why } })
  })
  it('take devices in an order of their own for each rollout, whatever the order they are listed in', () => {
    const ids = Array.from({ length: 50 }, (_, index) => `device-${index}`)
    const order = orderOf('rollout-1', ids)
    expect(orderOf('rollout-1', ids.toReversed())).toEqual(order)
    expect(orderOf('rollout-2', ids)).not.toEqual(order)
    expect(order.toSorted()).toEqual(ids.toSorted())
    expect(placeOf('rollout-1', 'device-1')).toHaveLength(32)
  })
})
