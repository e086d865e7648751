import { afterEach, expect, it, jest } from '@jest/globals'
import { DecisionLog } from './decision-log.service.js'

afterEach(() => void jest.restoreAllMocks())

it('writes one line of JSON, whose time and event no fact can take the place of', () => {
  const written: string[] = []
  jest.spyOn(process.stdout, 'write').mockImplementation((line) => written.push(String(line)) > 0)
  new DecisionLog().info('rotation.due', { what: 'root', at: 5, level: 'quiet', event: 'another' })
  expect(written).toEqual([
    expect.stringMatching(/^\{"at":"\d{4}-[^"]*Z","level":"info","event":"rotation\.due","what":"root"\}\n$/),
  ])
})
