// violates: nothing
console.log('a person reads this')
