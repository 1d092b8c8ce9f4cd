func.func @f(%a: tensor<4xf32>, %b: tensor<4xi32>) { return }
