import { expect, it } from '@jest/globals'
import { Refusal } from '../src/domain/refusal.js'
import { readArguments } from './arguments.js'
import { describeFailure } from './failure.js'

const options = { port: { type: 'string' } } as const

function failureOf(...args: string[]): unknown {
  try {
    readArguments({ args, options })
  } catch (error) {
    return error
  }
  return null
}

it.each([
  ['an unknown option', ['--prot', '1'], "Unknown option '--prot'"],
  ['a word too many', ['8080'], "Unexpected argument '8080'"],
  ['an option without its value', ['--port'], "Option '--port <value>' argument missing"],
])('%s is refused with what to do', (_, args, why) => {
  const failure = failureOf(...args)
  expect(failure).toBeInstanceOf(Refusal)
  const said = describeFailure(failure)
  expect(said).toContain(`CONFIGURATION {"name":"options","why":"${why}`)
  expect(said).toContain('what to do: add --help to see what there is')
})

it('what is known is read', () => {
  expect(readArguments({ args: ['--port', '1'], options }).values.port).toBe('1')
})
