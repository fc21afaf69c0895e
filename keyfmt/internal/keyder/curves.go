package keyder

import (
	"crypto/elliptic"
	"math/big"
)

// A Curve is y^2 = x^3 + Ax + B over the integers modulo the prime P, with a base point
// (GX, GY) of the prime order N. The cofactor is one.
type Curve struct {
	Name string         // "P-256", "secp256k1", "brainpoolP256r1"; "" for a curve given by its numbers
	OID  string         // dotted; "" for a curve given by its numbers
	Std  elliptic.Curve // nil if the standard library has none

	P, A, B, GX, GY, N *big.Int
}

// Size returns the length of a coordinate in bytes.
func (c *Curve) Size() int { return (c.P.BitLen() + 7) / 8 }

// ScalarSize returns the length of a private key in bytes.
func (c *Curve) ScalarSize() int { return (c.N.BitLen() + 7) / 8 }

// curves has the curves known by name: those of NIST (FIPS 186-4, appendix D.1.2), the
// Koblitz and older ones of SEC 2, those of RFC 5639 and SM2 (GB/T 32918.5).
var curves = []*Curve{
	{
		Name: "P-192", OID: "1.2.840.10045.3.1.1",
		P:  hexInt("fffffffffffffffffffffffffffffffeffffffffffffffff"),
		A:  hexInt("fffffffffffffffffffffffffffffffefffffffffffffffc"),
		B:  hexInt("64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1"),
		GX: hexInt("188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012"),
		GY: hexInt("7192b95ffc8da78631011ed6b24cdd573f977a11e794811"),
		N:  hexInt("ffffffffffffffffffffffff99def836146bc9b1b4d22831"),
	},
	{
		Name: "P-224", OID: "1.3.132.0.33", Std: elliptic.P224(),
		P:  hexInt("ffffffffffffffffffffffffffffffff000000000000000000000001"),
		A:  hexInt("fffffffffffffffffffffffffffffffefffffffffffffffffffffffe"),
		B:  hexInt("b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4"),
		GX: hexInt("b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21"),
		GY: hexInt("bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34"),
		N:  hexInt("ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d"),
	},
	{
		Name: "P-256", OID: "1.2.840.10045.3.1.7", Std: elliptic.P256(),
		P:  hexInt("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
		A:  hexInt("ffffffff00000001000000000000000000000000fffffffffffffffffffffffc"),
		B:  hexInt("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
		GX: hexInt("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
		GY: hexInt("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
		N:  hexInt("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
	},
	{
		Name: "P-384", OID: "1.3.132.0.34", Std: elliptic.P384(),
		P:  hexInt("fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff"),
		A:  hexInt("fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc"),
		B:  hexInt("b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef"),
		GX: hexInt("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"),
		GY: hexInt("3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"),
		N:  hexInt("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"),
	},
	{
		Name: "P-521", OID: "1.3.132.0.35", Std: elliptic.P521(),
		P:  hexInt("1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
		A:  hexInt("1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc"),
		B:  hexInt("51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00"),
		GX: hexInt("c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66"),
		GY: hexInt("11839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650"),
		N:  hexInt("1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"),
	},
	{
		Name: "secp160k1", OID: "1.3.132.0.9",
		P:  hexInt("fffffffffffffffffffffffffffffffeffffac73"),
		A:  hexInt("0"),
		B:  hexInt("7"),
		GX: hexInt("3b4c382ce37aa192a4019e763036f4f5dd4d7ebb"),
		GY: hexInt("938cf935318fdced6bc28286531733c3f03c4fee"),
		N:  hexInt("100000000000000000001b8fa16dfab9aca16b6b3"),
	},
	{
		Name: "secp160r1", OID: "1.3.132.0.8",
		P:  hexInt("ffffffffffffffffffffffffffffffff7fffffff"),
		A:  hexInt("ffffffffffffffffffffffffffffffff7ffffffc"),
		B:  hexInt("1c97befc54bd7a8b65acf89f81d4d4adc565fa45"),
		GX: hexInt("4a96b5688ef573284664698968c38bb913cbfc82"),
		GY: hexInt("23a628553168947d59dcc912042351377ac5fb32"),
		N:  hexInt("100000000000000000001f4c8f927aed3ca752257"),
	},
	{
		Name: "secp192k1", OID: "1.3.132.0.31",
		P:  hexInt("fffffffffffffffffffffffffffffffffffffffeffffee37"),
		A:  hexInt("0"),
		B:  hexInt("3"),
		GX: hexInt("db4ff10ec057e9ae26b07d0280b7f4341da5d1b1eae06c7d"),
		GY: hexInt("9b2f2f6d9c5628a7844163d015be86344082aa88d95e2f9d"),
		N:  hexInt("fffffffffffffffffffffffe26f2fc170f69466a74defd8d"),
	},
	{
		Name: "secp224k1", OID: "1.3.132.0.32",
		P:  hexInt("fffffffffffffffffffffffffffffffffffffffffffffffeffffe56d"),
		A:  hexInt("0"),
		B:  hexInt("5"),
		GX: hexInt("a1455b334df099df30fc28a169a467e9e47075a90f7e650eb6b7a45c"),
		GY: hexInt("7e089fed7fba344282cafbd6f7e319f7c0b0bd59e2ca4bdb556d61a5"),
		N:  hexInt("10000000000000000000000000001dce8d2ec6184caf0a971769fb1f7"),
	},
	{
		Name: "secp256k1", OID: "1.3.132.0.10",
		P:  hexInt("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"),
		A:  hexInt("0"),
		B:  hexInt("7"),
		GX: hexInt("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
		GY: hexInt("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
		N:  hexInt("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"),
	},
	{
		Name: "brainpoolP160r1", OID: "1.3.36.3.3.2.8.1.1.1",
		P:  hexInt("e95e4a5f737059dc60dfc7ad95b3d8139515620f"),
		A:  hexInt("340e7be2a280eb74e2be61bada745d97e8f7c300"),
		B:  hexInt("1e589a8595423412134faa2dbdec95c8d8675e58"),
		GX: hexInt("bed5af16ea3f6a4f62938c4631eb5af7bdbcdbc3"),
		GY: hexInt("1667cb477a1a8ec338f94741669c976316da6321"),
		N:  hexInt("e95e4a5f737059dc60df5991d45029409e60fc09"),
	},
	{
		Name: "brainpoolP160t1", OID: "1.3.36.3.3.2.8.1.1.2",
		P:  hexInt("e95e4a5f737059dc60dfc7ad95b3d8139515620f"),
		A:  hexInt("e95e4a5f737059dc60dfc7ad95b3d8139515620c"),
		B:  hexInt("7a556b6dae535b7b51ed2c4d7daa7a0b5c55f380"),
		GX: hexInt("b199b13b9b34efc1397e64baeb05acc265ff2378"),
		GY: hexInt("add6718b7c7c1961f0991b842443772152c9e0ad"),
		N:  hexInt("e95e4a5f737059dc60df5991d45029409e60fc09"),
	},
	{
		Name: "brainpoolP192r1", OID: "1.3.36.3.3.2.8.1.1.3",
		P:  hexInt("c302f41d932a36cda7a3463093d18db78fce476de1a86297"),
		A:  hexInt("6a91174076b1e0e19c39c031fe8685c1cae040e5c69a28ef"),
		B:  hexInt("469a28ef7c28cca3dc721d044f4496bcca7ef4146fbf25c9"),
		GX: hexInt("c0a0647eaab6a48753b033c56cb0f0900a2f5c4853375fd6"),
		GY: hexInt("14b690866abd5bb88b5f4828c1490002e6773fa2fa299b8f"),
		N:  hexInt("c302f41d932a36cda7a3462f9e9e916b5be8f1029ac4acc1"),
	},
	{
		Name: "brainpoolP192t1", OID: "1.3.36.3.3.2.8.1.1.4",
		P:  hexInt("c302f41d932a36cda7a3463093d18db78fce476de1a86297"),
		A:  hexInt("c302f41d932a36cda7a3463093d18db78fce476de1a86294"),
		B:  hexInt("13d56ffaec78681e68f9deb43b35bec2fb68542e27897b79"),
		GX: hexInt("3ae9e58c82f63c30282e1fe7bbf43fa72c446af6f4618129"),
		GY: hexInt("97e2c5667c2223a902ab5ca449d0084b7e5b3de7ccc01c9"),
		N:  hexInt("c302f41d932a36cda7a3462f9e9e916b5be8f1029ac4acc1"),
	},
	{
		Name: "brainpoolP224r1", OID: "1.3.36.3.3.2.8.1.1.5",
		P:  hexInt("d7c134aa264366862a18302575d1d787b09f075797da89f57ec8c0ff"),
		A:  hexInt("68a5e62ca9ce6c1c299803a6c1530b514e182ad8b0042a59cad29f43"),
		B:  hexInt("2580f63ccfe44138870713b1a92369e33e2135d266dbb372386c400b"),
		GX: hexInt("d9029ad2c7e5cf4340823b2a87dc68c9e4ce3174c1e6efdee12c07d"),
		GY: hexInt("58aa56f772c0726f24c6b89e4ecdac24354b9e99caa3f6d3761402cd"),
		N:  hexInt("d7c134aa264366862a18302575d0fb98d116bc4b6ddebca3a5a7939f"),
	},
	{
		Name: "brainpoolP224t1", OID: "1.3.36.3.3.2.8.1.1.6",
		P:  hexInt("d7c134aa264366862a18302575d1d787b09f075797da89f57ec8c0ff"),
		A:  hexInt("d7c134aa264366862a18302575d1d787b09f075797da89f57ec8c0fc"),
		B:  hexInt("4b337d934104cd7bef271bf60ced1ed20da14c08b3bb64f18a60888d"),
		GX: hexInt("6ab1e344ce25ff3896424e7ffe14762ecb49f8928ac0c76029b4d580"),
		GY: hexInt("374e9f5143e568cd23f3f4d7c0d4b1e41c8cc0d1c6abd5f1a46db4c"),
		N:  hexInt("d7c134aa264366862a18302575d0fb98d116bc4b6ddebca3a5a7939f"),
	},
	{
		Name: "brainpoolP256r1", OID: "1.3.36.3.3.2.8.1.1.7",
		P:  hexInt("a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377"),
		A:  hexInt("7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9"),
		B:  hexInt("26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6"),
		GX: hexInt("8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262"),
		GY: hexInt("547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997"),
		N:  hexInt("a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7"),
	},
	{
		Name: "brainpoolP256t1", OID: "1.3.36.3.3.2.8.1.1.8",
		P:  hexInt("a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377"),
		A:  hexInt("a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5374"),
		B:  hexInt("662c61c430d84ea4fe66a7733d0b76b7bf93ebc4af2f49256ae58101fee92b04"),
		GX: hexInt("a3e8eb3cc1cfe7b7732213b23a656149afa142c47aafbc2b79a191562e1305f4"),
		GY: hexInt("2d996c823439c56d7f7b22e14644417e69bcb6de39d027001dabe8f35b25c9be"),
		N:  hexInt("a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7"),
	},
	{
		Name: "brainpoolP320r1", OID: "1.3.36.3.3.2.8.1.1.9",
		P:  hexInt("d35e472036bc4fb7e13c785ed201e065f98fcfa6f6f40def4f92b9ec7893ec28fcd412b1f1b32e27"),
		A:  hexInt("3ee30b568fbab0f883ccebd46d3f3bb8a2a73513f5eb79da66190eb085ffa9f492f375a97d860eb4"),
		B:  hexInt("520883949dfdbc42d3ad198640688a6fe13f41349554b49acc31dccd884539816f5eb4ac8fb1f1a6"),
		GX: hexInt("43bd7e9afb53d8b85289bcc48ee5bfe6f20137d10a087eb6e7871e2a10a599c710af8d0d39e20611"),
		GY: hexInt("14fdd05545ec1cc8ab4093247f77275e0743ffed117182eaa9c77877aaac6ac7d35245d1692e8ee1"),
		N:  hexInt("d35e472036bc4fb7e13c785ed201e065f98fcfa5b68f12a32d482ec7ee8658e98691555b44c59311"),
	},
	{
		Name: "brainpoolP320t1", OID: "1.3.36.3.3.2.8.1.1.10",
		P:  hexInt("d35e472036bc4fb7e13c785ed201e065f98fcfa6f6f40def4f92b9ec7893ec28fcd412b1f1b32e27"),
		A:  hexInt("d35e472036bc4fb7e13c785ed201e065f98fcfa6f6f40def4f92b9ec7893ec28fcd412b1f1b32e24"),
		B:  hexInt("a7f561e038eb1ed560b3d147db782013064c19f27ed27c6780aaf77fb8a547ceb5b4fef422340353"),
		GX: hexInt("925be9fb01afc6fb4d3e7d4990010f813408ab106c4f09cb7ee07868cc136fff3357f624a21bed52"),
		GY: hexInt("63ba3a7a27483ebf6671dbef7abb30ebee084e58a0b077ad42a5a0989d1ee71b1b9bc0455fb0d2c3"),
		N:  hexInt("d35e472036bc4fb7e13c785ed201e065f98fcfa5b68f12a32d482ec7ee8658e98691555b44c59311"),
	},
	{
		Name: "brainpoolP384r1", OID: "1.3.36.3.3.2.8.1.1.11",
		P:  hexInt("8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53"),
		A:  hexInt("7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826"),
		B:  hexInt("4a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11"),
		GX: hexInt("1d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aaef87b2e247d4af1e"),
		GY: hexInt("8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129280e4646217791811142820341263c5315"),
		N:  hexInt("8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565"),
	},
	{
		Name: "brainpoolP384t1", OID: "1.3.36.3.3.2.8.1.1.12",
		P:  hexInt("8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53"),
		A:  hexInt("8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec50"),
		B:  hexInt("7f519eada7bda81bd826dba647910f8c4b9346ed8ccdc64e4b1abd11756dce1d2074aa263b88805ced70355a33b471ee"),
		GX: hexInt("18de98b02db9a306f2afcd7235f72a819b80ab12ebd653172476fecd462aabffc4ff191b946a5f54d8d0aa2f418808cc"),
		GY: hexInt("25ab056962d30651a114afd2755ad336747f93475b7a1fca3b88f2b6a208ccfe469408584dc2b2912675bf5b9e582928"),
		N:  hexInt("8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565"),
	},
	{
		Name: "brainpoolP512r1", OID: "1.3.36.3.3.2.8.1.1.13",
		P:  hexInt("aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3"),
		A:  hexInt("7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca"),
		B:  hexInt("3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94cadc083e67984050b75ebae5dd2809bd638016f723"),
		GX: hexInt("81aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098eff3b1f78e2d0d48d50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f822"),
		GY: hexInt("7dde385d566332ecc0eabfa9cf7822fdf209f70024a57b1aa000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f0540678cd1e0f3ad80892"),
		N:  hexInt("aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca90069"),
	},
	{
		Name: "brainpoolP512t1", OID: "1.3.36.3.3.2.8.1.1.14",
		P:  hexInt("aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3"),
		A:  hexInt("aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f0"),
		B:  hexInt("7cbbbcf9441cfab76e1890e46884eae321f70c0bcb4981527897504bec3e36a62bcdfa2304976540f6450085f2dae145c22553b465763689180ea2571867423e"),
		GX: hexInt("640ece5c12788717b9c1ba06cbc2a6feba85842458c56dde9db1758d39c0313d82ba51735cdb3ea499aa77a7d6943a64f7a3f25fe26f06b51baa2696fa9035da"),
		GY: hexInt("5b534bd595f5af0fa2c892376c84ace1bb4e3019b71634c01131159cae03cee9d9932184beef216bd71df2dadf86a627306ecff96dbb8bace198b61e00f8b332"),
		N:  hexInt("aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca90069"),
	},
	{
		Name: "SM2", OID: "1.2.156.10197.1.301",
		P:  hexInt("fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff"),
		A:  hexInt("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"),
		B:  hexInt("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"),
		GX: hexInt("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"),
		GY: hexInt("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"),
		N:  hexInt("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123"),
	},
}

func hexInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic("keyder: internal error: not a hexadecimal number")
	}
	return n
}

// CurveByName returns the curve of that name, nil if there is none.
func CurveByName(name string) *Curve {
	for _, c := range curves {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// CurveByOID returns the curve of that dotted object identifier, nil if there is none.
func CurveByOID(oid string) *Curve {
	for _, c := range curves {
		if c.OID == oid {
			return c
		}
	}
	return nil
}
