// violates: eslint(no-restricted-globals) process
export const setting = (): string | undefined => process.env['MNEMESH_DATA']
