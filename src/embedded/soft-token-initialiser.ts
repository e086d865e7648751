import { Refusal } from '../domain/refusal.js'
import { initToken } from '../token/init-token.js'
import { readPin } from '../token/pin-file.js'

// A program: module path, label, file with the security officer's PIN, file with the user PIN.
const [modulePath = '', label = '', securityPinFile = '', userPinFile = ''] = process.argv.slice(2)
try {
  initToken({ modulePath, label, soPin: readPin(securityPinFile), userPin: readPin(userPinFile) })
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  console.error(error.message)
  process.exitCode = 1
}
