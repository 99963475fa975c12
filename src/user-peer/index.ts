/** This user's own peer: that it runs, that it stops. `folder.ts`, which loads next to nothing, says where it would be. */
export { ensureUserPeer, peerName, stopUserPeer, whileUserPeerStopped, type Tools } from './start.ts'
export { examineUserPeer } from './examine.ts'
export { findUserPeer } from './find.ts'
export { removeService, serviceOf, writeService, type Service } from './service.ts'
