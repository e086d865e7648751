import { describe, expect, it } from '@jest/globals'
import { requirePackageFile, requireProgram } from './system-package.js'

describe('packages of the system', () => {
  it('finds a program in a folder that is not on every PATH', () => {
    expect(requireProgram('mosquitto')).toMatch(/\/mosquitto$/)
  })

  it('names the package that is missing and the command that installs it', () => {
    const fix = expect.stringMatching(/^scripts\/setup, or (apt-get|brew) install bubblewrap$/)
    const refusal = expect.objectContaining({ code: 'PACKAGE_MISSING', detail: { name: 'bubblewrap', fix } })
    expect(() => requireProgram('no-such-program', 'bubblewrap')).toThrow(refusal)
    expect(() => requirePackageFile(['/no/such/file'], 'bubblewrap')).toThrow(refusal)
  })
})
