/**
 * Whether a text holds a secret: what is remembered is copied to other machines, so a text that does is not kept at all.
 *
 * The patterns are secretlint's recommended set (keys of clouds and services, private keys, credentials in addresses), and
 * three more of gitleaks: a value that is given to a name like `password` (its rule `generic-api-key`), the id of a cloud's key, which
 * secretlint takes for harmless without its other half (`aws-access-token`), and private keys of any length (`private-key`).
 */

/** Of one text, in milliseconds of processor: some 5 for a sentence. */
export type SecretFinder = (text: string) => Promise<boolean>

const NAMED =
  /\b[\w.-]{0,50}(password|passwd|passphrase|secret|token|credential|api[_-]?key|access[_-]?key|auth[_-]?key)s?\b["'`]?\s{0,3}(:=|=>?|:|\bis\b)\s{0,3}["'`]?([^\s"'`]{6,})/gi
const KEY_ID = /\b(AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{16}\b/
/** Also a short one, of an elliptic curve, which secretlint takes for too short to be one. */
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----\s{1,4}[\w+/=:-]{40}/
/** A bare word is prose ("the token is missing"); a secret has a digit or a mark in it. */
const ODD = /[\d_\-+/=!@#$%^&*]/

/** Loads the patterns, which takes a few hundred milliseconds. */
export const secretFinder = async (): Promise<SecretFinder> => {
  const [{ lintSource }, { creator }] = await Promise.all([
    import('@secretlint/core'),
    import('@secretlint/secretlint-rule-preset-recommend'),
  ])
  return async (text) => {
    if (KEY_ID.test(text) || PRIVATE_KEY.test(text)) return true
    for (const [, , , value] of text.matchAll(NAMED)) if (ODD.test(value!)) return true
    const { messages } = await lintSource({
      source: { filePath: 'memory.md', content: text, contentType: 'text', ext: '.md' },
      options: {
        config: { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }] },
        maskSecrets: true,
      },
    })
    return messages.length > 0
  }
}
