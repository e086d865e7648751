import { describe, expect, it } from '@jest/globals'
import { MeasuredSpeed } from './measured-speed.js'

describe('a measured speed', () => {
  it('is not quick before anything was measured', () => {
    expect(new MeasuredSpeed().isQuick).toBe(false)
  })

  it('goes by the last call: a slow one ends it, a quick one brings it back, a failure counts as slow', () => {
    const speed = new MeasuredSpeed()
    const after = (ms: number): boolean => {
      speed.took(ms)
      return speed.isQuick
    }
    expect([0.2, 1, 0.99, 30, 0.2, Number.POSITIVE_INFINITY].map(after)).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
    ])
  })
})
